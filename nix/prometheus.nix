# etc/prometheus/prometheus.yml with addresses of one's own in it. Prometheus reads no environment, so that whoever
# listens elsewhere has the file rendered; this is the one place that knows what it looks like. The same for what a
# cluster appends, etc/cluster/remote-write.yml.
{ lib }:
let
  ports = import ./ports.nix;
  path = ../etc/prometheus;
  file = builtins.readFile (path + "/prometheus.yml");
  remoteWriteFile = builtins.readFile ../etc/cluster/remote-write.yml;

  inFile = lib.genAttrs [
    "app-a"
    "app-b"
    "app-c"
    "prometheus"
    "tempo"
    "loki"
    "promtail"
    "grafana"
  ] (job: "127.0.0.1:${toString ports.${job}}");

  list = lib.concatMapStringsSep ", " builtins.toJSON;

  jobs =
    interval: targets:
    lib.concatStrings (
      lib.mapAttrsToList (
        name: addresses:
        lib.concatMapStrings (line: "  ${line}\n") [
          "- job_name: ${builtins.toJSON name}"
          "  scrape_interval: ${interval}"
          "  static_configs:"
          "    - targets: [${list addresses}]"
        ]
      ) targets
    );

  # The text with each name in the place of which something else is to stand replaced by that.
  replaced =
    file: text: replacements:
    let
      missing = lib.filter (from: !lib.hasInfix from text) (lib.attrNames replacements);
    in
    lib.throwIf (missing != [ ])
      "${file} does not have ${
        lib.concatMapStringsSep ", " builtins.toJSON missing
      }, in whose place other values are put; bring nix/prometheus.nix up to date"
      (lib.replaceStrings (lib.attrNames replacements) (lib.attrValues replacements) text);

  writesTo =
    url:
    replaced "etc/cluster/remote-write.yml" remoteWriteFile {
      "url: http://127.0.0.1:9090/api/v1/push\n" = "url: ${url}\n";
    };
in
{
  # The usual addresses, by job.
  targets = lib.mapAttrs (_: address: [ address ]) inFile;

  # The file's text. `targets` are lists of addresses by job: those of the file, the shipper by its own name, and any
  # other, which becomes a job of its own. All that is scraped and computed goes on to the URL `remoteWrite`, if there is
  # one.
  render =
    {
      targets,
      shipper,
      remoteWrite ? null,
    }:
    let
      further = removeAttrs targets (lib.remove "promtail" (lib.attrNames inFile) ++ [ shipper ]);
    in
    replaced "etc/prometheus/prometheus.yml" file (
      {
        "\n  - rules.yml\n" = "\n  - ${path + "/rules.yml"}\n";
        "\nscrape_configs:\n" = "\nscrape_configs:\n${jobs "5s" further}";
        "job_name: promtail\n" = "job_name: ${shipper}\n";
      }
      // lib.mapAttrs' (
        job: address:
        lib.nameValuePair ''"${address}"'' (list targets.${if job == "promtail" then shipper else job})
      ) inFile
    )
    + lib.optionalString (remoteWrite != null) "\n${writesTo remoteWrite}";

  # The text for one that keeps nothing and only sends what it scrapes to the URL `remoteWrite`.
  agent =
    { targets, remoteWrite }:
    ''
      global:
        scrape_timeout: 4s

      scrape_configs:
    ''
    + jobs "15s" targets
    + "\n${writesTo remoteWrite}";
}
