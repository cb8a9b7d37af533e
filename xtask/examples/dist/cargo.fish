
# `cargo SUBCOMMAND`
function __cargo_SUBCOMMAND_words
    set -l before (commandline --tokenize --cut-at-cursor --current-process)
    complete --do-complete="cargo-SUBCOMMAND "(string join ' ' -- (string escape -- $before[3..]) (commandline --current-token --cut-at-cursor))
end

complete -c cargo -n '__fish_is_nth_token 1' -a SUBCOMMAND
complete -c cargo -n '__fish_seen_subcommand_from SUBCOMMAND' -f -a '(__cargo_SUBCOMMAND_words)'
