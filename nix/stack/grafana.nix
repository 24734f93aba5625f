# Grafana with the lab's data sources and dashboards, asking nobody for a login and telling nobody that it runs.
{
  lib,
  runCommand,
  writeShellApplication,
  coreutils,
  grafana,
  etc,
}:
let
  # Grafana wants a folder for each kind of file.
  provisioning = runCommand "grafana-provisioning" { } ''
    mkdir -p $out/{alerting,dashboards,datasources,plugins}
    ln -s ${etc}/grafana/datasources.yaml $out/datasources/
    ln -s ${etc}/grafana/dashboards.yaml $out/dashboards/
  '';
in
writeShellApplication {
  name = "grafana";
  runtimeInputs = [ coreutils ];
  runtimeEnv = {
    LAB_DASHBOARDS_PATH = "${../../dashboards}";
    GF_PATHS_PROVISIONING = "${provisioning}";
    GF_LOG_MODE = "console";
    GF_LOG_CONSOLE_FORMAT = "text";
    # Grafana's own first page calls out to a news feed.
    GF_USERS_HOME_PAGE = "/d/salvo-observability";
    # Explore, where the exercise takes place, is for editors. Grafana warns at its start that it will know viewers
    # only one day; up to 13.0 nothing takes the place of this.
    GF_AUTH_ANONYMOUS_ENABLED = "true";
    GF_AUTH_ANONYMOUS_ORG_ROLE = "Editor";
    GF_USERS_ALLOW_SIGN_UP = "false";
    # Nothing goes out: no statistics, no look for updates, news, pictures or plugins.
    GF_ANALYTICS_REPORTING_ENABLED = "false";
    GF_ANALYTICS_CHECK_FOR_UPDATES = "false";
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES = "false";
    GF_ANALYTICS_FEEDBACK_LINKS_ENABLED = "false";
    GF_NEWS_NEWS_FEED_ENABLED = "false";
    GF_SECURITY_DISABLE_GRAVATAR = "true";
    GF_SNAPSHOTS_EXTERNAL_ENABLED = "false";
    GF_PLUGINS_PLUGIN_ADMIN_ENABLED = "false";
    GF_PLUGINS_PREINSTALL_DISABLED = "true";
    GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED = "true";
  };
  text = ''
    export GF_SERVER_HTTP_ADDR=$LAB_HOST GF_SERVER_HTTP_PORT=$LAB_GRAFANA_PORT
    export GF_PATHS_DATA=$LAB_STATE/data/grafana GF_PATHS_LOGS=$LAB_STATE/data/grafana/log
    export GF_PATHS_PLUGINS=$LAB_STATE/data/grafana/plugins
    # Without the folder there is an error in Grafana's log.
    mkdir -p "$GF_PATHS_PLUGINS"
    export GF_SECURITY_ADMIN_PASSWORD="\$__file{$LAB_STATE/secrets/grafana-admin-password}"
    export GF_SECURITY_SECRET_KEY="\$__file{$LAB_STATE/secrets/grafana-secret-key}"
    exec ${lib.getExe' grafana "grafana"} server --homepath ${grafana}/share/grafana
  '';
}
