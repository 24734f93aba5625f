//! The command lines of `lab env` and `lab run`.

use std::ffi::OsString;

use clap::Args;

/// Print the settings with which a program sends its telemetry to the lab that runs: eval "$(lab env)"
#[derive(Args, Clone, Debug)]
pub struct EnvArgs {
    /// The console of the lab, which knows all its addresses
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000")]
    pub console: String,
    /// Name of the program's service, if it does not set its own
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
}

/// Run a program with these settings and show at its end what has arrived: lab run -- COMMAND
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// The console of the lab, which knows all its addresses
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000")]
    pub console: String,
    /// Name of the program's service, if it does not set its own
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<OsString>,
}
