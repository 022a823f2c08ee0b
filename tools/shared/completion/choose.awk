# The words that may come next, each with a tab and its help: the commands below the one that the
# words before name, or its options. No quote may stand here: the shells quote it whole.
BEGIN { count = split(words, word, " ") }
$1 == "command" { help[$2] = $4; names[++n] = $2 }
$1 == "option" { under[$2] = under[$2] "--" $3 "\t" $5 "\n" }
END {
    for (i = 1; i <= count; i++) {
        try = at (at != "" ? " " : "") word[i]
        if (try in help) at = try
    }
    depth = at != "" ? length(at) + 1 : 0
    for (i = 1; i <= n; i++)
        if (substr(names[i], 1, depth) == (at != "" ? at " " : "") && substr(names[i], depth + 1) !~ / /)
            print substr(names[i], depth + 1) "\t" help[names[i]]
    if (at == "") print "help\tprint a command\047s help\nversion\tprint the version"
    printf "%s", under[at]
}
