
# `cargo SUBCOMMAND`: what completed cargo before is still asked about all else.
__cargo_then_SUBCOMMAND() {
    local at=1
    [[ ${COMP_WORDS[1]} == +* ]] && at=2
    if [[ ${COMP_WORDS[at]} == SUBCOMMAND ]] && ((COMP_CWORD > at)); then
        COMP_WORDS=(cargo-SUBCOMMAND "${COMP_WORDS[@]:at+1}")
        ((COMP_CWORD -= at))
        _cargo__SUBCOMMAND cargo-SUBCOMMAND "$2" "${COMP_WORDS[COMP_CWORD - 1]}"
    elif [[ -n $__cargo_before_SUBCOMMAND ]]; then
        "$__cargo_before_SUBCOMMAND" "$@"
    fi
}

if [[ -z ${__cargo_before_SUBCOMMAND+set} ]]; then
    # Cargo's own is loaded at the first use, which would come after this.
    if ! complete -p cargo &>/dev/null; then
        if declare -F _comp_load &>/dev/null; then
            _comp_load cargo
        elif declare -F _completion_loader &>/dev/null; then
            _completion_loader cargo
        fi
    fi
    __cargo_before_SUBCOMMAND=$(complete -p cargo 2>/dev/null | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
    complete -F __cargo_then_SUBCOMMAND -o bashdefault -o default cargo
fi
