# A PostgreSQL server of the script's own; sourced after begin.bash. It listens at 127.0.0.1:$PGPORT, its user
# postgres needs no password, and its files are in $D, which goes away at the end with the rest.
PG=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -n "$PG" ] || { echo "PostgreSQL is missing: apt-get install postgresql"; exit 1; }
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
D=$(mktemp -d)
pg_stop() { (cd / && as "$PG/pg_ctl" -D "$D/data" -m immediate -w stop >/dev/null 2>&1); }
pg_start() { (cd / && as "$PG/pg_ctl" -D "$D/data" -l "$D/log" -w start >/dev/null 2>&1); }
trap 'stop_all; pg_stop; rm -rf "$W" "$D"' EXIT
[ "$(id -u)" != 0 ] || chown postgres "$D"
(cd / && as "$PG/initdb" -D "$D/data" -A trust -U postgres >/dev/null 2>&1) || { echo "initdb failed"; exit 1; }
PGPORT=$(free_port)
printf "listen_addresses = '127.0.0.1'\nport = %s\nunix_socket_directories = ''\n" "$PGPORT" |
    as tee -a "$D/data/postgresql.conf" >/dev/null
pg_start || { cat "$D/log"; exit 1; }
