#!/bin/bash
# The start-up contract of the official mysql image: MYSQL_* variables (each also as *_FILE), uid 999, an empty
# /var/lib/mysql is initialised, /docker-entrypoint-initdb.d runs once, arguments go to mysqld.
set -euo pipefail

fail() { echo "[Entrypoint] $*" >&2; exit 1; }
say() { echo "[Entrypoint] $*"; }

# from_file NAME: takes the value of NAME from the file that NAME_FILE names.
from_file() {
  local file_name="$1_FILE"
  if [ -z "${!file_name:-}" ]; then return; fi
  if [ -n "${!1:-}" ]; then fail "both $1 and $file_name are set: set one of them"; fi
  export "$1=$(cat "${!file_name}")"
  unset "$file_name"
}

sql_text() { printf "%s" "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g"; }
sql_name() { printf "%s" "$1" | sed -e 's/`/``/g'; }

# setting NAME: what mysqld makes of its files and arguments, from the table below the dashes of its help.
setting() { "${server[@]}" --verbose --help 2>/dev/null | awk -v name="$1" '/^-----/ { table = 1 } table && $1 == name { print $2 }'; }

start_for_setup() {
  "${server[@]}" --daemonize --skip-networking --mysqlx=OFF --socket="$socket" --pid-file="$setup_pid" \
    --default-time-zone=SYSTEM --log-error="$setup_log" || { cat "$setup_log" >&2; fail "mysqld did not start"; }
}

client() { mysql --protocol=socket --socket="$socket" --user=root --comments "$@"; }

create_accounts() {
  local host="${MYSQL_ROOT_HOST-%}"
  {
    echo "SET @@SESSION.SQL_LOG_BIN=0;"
    if [ -n "${MYSQL_DATABASE:-}" ]; then echo "CREATE DATABASE IF NOT EXISTS \`$(sql_name "$MYSQL_DATABASE")\`;"; fi
    if [ -n "${MYSQL_USER:-}" ]; then
      echo "CREATE USER '$(sql_text "$MYSQL_USER")'@'%' IDENTIFIED BY '$(sql_text "$MYSQL_PASSWORD")';"
      if [ -n "${MYSQL_DATABASE:-}" ]; then
        echo "GRANT ALL ON \`$(sql_name "$MYSQL_DATABASE" | sed 's/_/\\_/g')\`.* TO '$(sql_text "$MYSQL_USER")'@'%';"
      fi
    fi
    if [ -n "$host" ] && [ "$host" != localhost ]; then
      echo "CREATE USER 'root'@'$(sql_text "$host")' IDENTIFIED BY '$(sql_text "$MYSQL_ROOT_PASSWORD")';"
      echo "GRANT ALL ON *.* TO 'root'@'$(sql_text "$host")' WITH GRANT OPTION;"
    fi
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$(sql_text "$MYSQL_ROOT_PASSWORD")';"
  } | client
  export MYSQL_PWD="$MYSQL_ROOT_PASSWORD"
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) say "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) say "running $file"; client ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"} < "$file" ;;
      *.sql.gz) say "running $file"; gunzip -c "$file" | client ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"} ;;
    esac
  done
}

initialise() {
  for name in MYSQL_ROOT_PASSWORD MYSQL_ROOT_HOST MYSQL_DATABASE MYSQL_USER MYSQL_PASSWORD; do from_file "$name"; done
  if [ -n "${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
    MYSQL_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
    say "GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"
  fi
  if [ -z "${MYSQL_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
    fail "Database is uninitialized and password option is not specified: set MYSQL_ROOT_PASSWORD," \
      "MYSQL_ALLOW_EMPTY_PASSWORD or MYSQL_RANDOM_ROOT_PASSWORD"
  fi
  MYSQL_ROOT_PASSWORD="${MYSQL_ROOT_PASSWORD:-}"
  if [ "${MYSQL_USER:-}" = root ]; then fail "MYSQL_USER=root: use MYSQL_ROOT_PASSWORD for root"; fi
  if [ -n "${MYSQL_USER:-}" ] && [ -z "${MYSQL_PASSWORD:-}" ]; then fail "MYSQL_USER is set without MYSQL_PASSWORD"; fi

  local socket setup_dir setup_pid setup_log
  setup_dir=$(mktemp -d)
  setup_pid="$setup_dir/mysqld.pid"
  setup_log="$setup_dir/mysqld.log"
  socket="$(setting socket)"
  say "Initializing database files"
  "${server[@]}" --initialize-insecure --default-time-zone=SYSTEM
  start_for_setup
  create_accounts
  run_init_files
  mysqladmin --protocol=socket --socket="$socket" --user=root shutdown
  while [ -e "$setup_pid" ]; do sleep 0.1; done
  rm -rf "$setup_dir"
  unset MYSQL_PWD
  say "MySQL init process done. Ready for start up."
}

case "${1:-mysqld}" in -*) set -- mysqld "$@" ;; esac
if [ "${1:-mysqld}" != mysqld ]; then exec "$@"; fi

server=("${@:-mysqld}")
datadir="$(setting datadir)"
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$datadir"
  find "$datadir" /var/run/mysqld \! -user mysql -exec chown mysql:mysql '{}' +
  exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
fi
if [ ! -d "${datadir%/}/mysql" ]; then initialise; fi
exec "${server[@]}"
