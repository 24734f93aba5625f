# shellcheck shell=bash
# The folder of the lab's data. Never in a checkout: Nix copies one that is no git repository into its store, where
# everyone can read it.

if [[ -z ${LAB_STATE:-} ]]; then
  if [[ -z ${XDG_STATE_HOME:-} && -z ${HOME:-} ]]; then
    echo "neither HOME nor XDG_STATE_HOME is set; say with LAB_STATE which folder the lab may keep its data in" >&2
    exit 1
  fi
  LAB_STATE=${XDG_STATE_HOME:-$HOME/.local/state}/salvo-observability
fi
case $LAB_STATE in
/*) ;;
*) LAB_STATE=$PWD/$LAB_STATE ;;
esac
LAB_STATE=${LAB_STATE%/}
export LAB_STATE
