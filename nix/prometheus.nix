# etc/prometheus/prometheus.yml with addresses of one's own in it. Prometheus reads no environment, so that whoever
# listens elsewhere has the file rendered; this is the one place that knows what it looks like.
{ lib }:
let
  ports = import ./ports.nix;
  path = ../etc/prometheus;
  file = builtins.readFile (path + "/prometheus.yml");

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

  # etc/cluster/remote-write.yml with another address in it.
  sentTo =
    address:
    let
      fragment = builtins.readFile ../etc/cluster/remote-write.yml;
      from = "url: http://127.0.0.1:9090/";
    in
    lib.throwIf (!lib.hasInfix from fragment) "etc/cluster/remote-write.yml does not have ${from}" (
      lib.replaceStrings [ from ] [ "url: http://${address}/" ] fragment
    );

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
in
{
  # The usual addresses, by job.
  targets = lib.mapAttrs (_: address: [ address ]) inFile;

  # The file's text. `targets` are lists of addresses by job: those of the file, the shipper by its own name, and any
  # other, which becomes a job of its own. `remoteWrite` is the address of a cluster that gets what is scraped.
  render =
    {
      targets,
      shipper,
      remoteWrite ? null,
    }:
    let
      further = removeAttrs targets (lib.remove "promtail" (lib.attrNames inFile) ++ [ shipper ]);
      replacements = {
        "\n  - rules.yml\n" = "\n  - ${path + "/rules.yml"}\n";
        "\nscrape_configs:\n" = "\nscrape_configs:\n${jobs "5s" further}";
        "job_name: promtail\n" = "job_name: ${shipper}\n";
      }
      // lib.mapAttrs' (
        job: address:
        lib.nameValuePair ''"${address}"'' (list targets.${if job == "promtail" then shipper else job})
      ) inFile;
      missing = lib.filter (from: !lib.hasInfix from file) (lib.attrNames replacements);
    in
    lib.throwIf (missing != [ ])
      "etc/prometheus/prometheus.yml does not have ${
        lib.concatMapStringsSep ", " builtins.toJSON missing
      }, in whose place other values are put; bring nix/prometheus.nix up to date"
      (
        lib.replaceStrings (lib.attrNames replacements) (lib.attrValues replacements) file
        + lib.optionalString (remoteWrite != null) "\n${sentTo remoteWrite}"
      );

  # The text for one that keeps nothing: it only sends what it scrapes of these targets to this address.
  agent =
    { targets, remoteWrite }:
    ''
      global:
        scrape_timeout: 4s

      scrape_configs:
    ''
    + jobs "15s" targets
    + "\n${sentTo remoteWrite}";
}
