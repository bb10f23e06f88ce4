#!/bin/sh
# SPDX-License-Identifier: MIT
# Shell scripts are clean for shellcheck, Python files compile.
. "$(dirname "$0")/tap.sh"

# Files whose first line says they are of this language, or named so.
scripts() {
	files '*' | while read -r file; do
		case $file in
		*."$1") echo "$file" ;;
		*) head -n 1 "$file" | tr -d '\0' | grep -Eq "^#!.*$2" && echo "$file" ;;
		esac
	done
}

python_compiles() {
	python3 -B -c 'import sys
for path in sys.argv[1:]:
    compile(open(path).read(), path, "exec")' "$@"
}

# SC2317: check() calls functions that look uncalled
# shellcheck disable=SC2046 # no file name has a space
check "shell scripts pass shellcheck" shellcheck -x -P SCRIPTDIR \
	-e SC2317 $(scripts sh '/(ba)?sh$')
# shellcheck disable=SC2046
check "Python files compile" python_compiles $(scripts py python3)
finish
