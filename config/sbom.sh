#!/bin/sh
# What a program is linked with, as SPDX 2.3 JSON: `sbom.sh PROGRAM VERSION`. Libraries are named by the
# Debian package that they came from, with its version; where there is no dpkg, by their file alone.
set -eu
program=$1 version=$2 name=$(basename "$1")
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)
hash=$(sha256sum "$program" | cut -d' ' -f1)

libraries() { # "package version file" for each, once
    ldd "$program" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | while read -r file; do
        real=$(readlink -f "$file")
        package=$(dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null || dpkg-query -S "$file" 2>/dev/null || true)
        package=${package%%:*}
        if [ -n "$package" ]; then
            echo "$package $(dpkg-query -W -f '${Version}\n' "$package" | head -n 1) $(basename "$real")"
        else
            echo "$(basename "$real") NOASSERTION $(basename "$real")"
        fi
    done | LC_ALL=C sort -u -k1,1
}

list=$(libraries)
cat <<END
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "$name-$version",
  "documentNamespace": "https://tenmint.invalid/spdx/$name-$version-$hash",
  "creationInfo": {"created": "$date", "creators": ["Tool: tenmint-sbom"]},
  "packages": [
    {"SPDXID": "SPDXRef-program", "name": "$name", "versionInfo": "$version", "downloadLocation": "NOASSERTION",
     "filesAnalyzed": false, "licenseDeclared": "ISC", "checksums": [{"algorithm": "SHA256", "checksumValue": "$hash"}]}
END
echo "$list" | while read -r package found file; do
    printf '    ,{"SPDXID": "SPDXRef-%s", "name": "%s", "versionInfo": "%s", "packageFileName": "%s",\n' \
        "$(printf %s "$package" | tr -c 'A-Za-z0-9.-' -)" "$package" "$found" "$file"
    printf '     "downloadLocation": "NOASSERTION", "filesAnalyzed": false}\n'
done
echo '  ],'
echo '  "relationships": ['
echo '    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-program"}'
echo "$list" | while read -r package _; do
    printf '    ,{"spdxElementId": "SPDXRef-program", "relationshipType": "DYNAMIC_LINK", "relatedSpdxElement": "SPDXRef-%s"}\n' \
        "$(printf %s "$package" | tr -c 'A-Za-z0-9.-' -)"
done
printf '  ]\n}\n'
