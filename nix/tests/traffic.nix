# Programs of a test's machine with instances: requests one after the other, and what of them is not found again.
{
  pkgs,
  # Addresses of the first instance and of Loki.
  app,
  loki,
}:
[
  # One request after the other for some seconds; prints each status. The service begins a trace for each, and
  # /tmp/traces names the traces.
  (pkgs.writeShellApplication {
    name = "load";
    runtimeInputs = [ pkgs.curl ];
    text = ''
      number=0
      : > /tmp/traces
      while ((SECONDS < $1)); do
        number=$((number + 1))
        path=/items/$number
        if ((number % 20 == 0)); then path=/chain; fi
        curl --silent --output /dev/null --max-time 10 --write-out '%{http_code} %header{traceresponse}\n' \
          "http://${app}$path" > /tmp/answer || true
        cut --delimiter ' ' --fields 1 /tmp/answer
        cut --delimiter - --fields 2 /tmp/answer >> /tmp/traces
        sleep 0.1
      done
    '';
  })
  # Lines of that load that the journal has and Loki has not.
  (pkgs.writeShellApplication {
    name = "missing-lines";
    runtimeInputs = [
      pkgs.curl
      pkgs.jq
    ];
    text = ''
      journalctl --unit 'salvo-app@*' --output cat | grep --fixed-strings --file /tmp/traces |
        sort --unique > /tmp/journal
      test -s /tmp/journal
      curl --fail --silent --get http://${loki}/loki/api/v1/query_range \
        --data-urlencode 'query={compose_service=~"app-.+"} |= "trace_id="' --data-urlencode limit=5000 \
        --data-urlencode "start=$(($(date +%s) - 3600))" --data-urlencode "end=$(date +%s)" |
        jq --raw-output '.data.result[].values[][1]' | grep --fixed-strings --file /tmp/traces |
        sort --unique > /tmp/loki
      comm -23 /tmp/journal /tmp/loki
    '';
  })
]
