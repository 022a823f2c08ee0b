#!/usr/bin/env bash
# Data is typed once: JSON trees are looked into by name only in the files that stand here, with the
# number of look-ups and why no table reads there. What is read by a table (common/json/jsonmap.h)
# needs none.
set -u
cd "$(dirname "$0")/../.." || exit 1
declare -A may=(
    [common/json/jsonparse.c]=1         # the parser itself: duplicate keys
    [oidc/token/claim.c]=1              # which claims there are is the configuration's choice
    [tuf/manager/review/fields_read.c]=5 # shows members that no table knows
    [tools/tenmint/facts.c]=2           # writes: what is said twice becomes a list
    [tuf/metadata/typesjson.c]=3        # what is unknown in two files, compared
)
bad=0 all=0
while IFS=: read -r file count; do
    [ "$count" = 0 ] && continue
    all=$((all + count))
    [ "$count" = "${may[$file]:-0}" ] && unset "may[$file]" && continue
    echo "FAULT $file looks into JSON by name $count times, not ${may[$file]:-0}: read it by a table"
    bad=1
    unset "may[$file]"
done < <(grep -rcE '\b(json_object_getn?|json_object_get_string)\(' --include=*.c ca oidc tuf common tools)
for file in "${!may[@]}"; do
    echo "FAULT $file no longer looks into JSON by name: take its line out"
    bad=1
done
[ $bad = 0 ] && echo "trees: $all look-ups in JSON by name, each where it may be"
exit $bad
