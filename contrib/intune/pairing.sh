#!/bin/sh
# Microsoft Intune custom attribute for macOS (data type String): which smart cards open the account of the person at this Mac.
#
#   Paired: A99E433CE9461FFC3F6BAF435AFA1472ADFEFBAB     one pairing hash or several
#   Not paired
#   No user                                              nobody is at the screen, and nobody was
#   pivkit is not installed
#   Error: ...                                           what pivkit said
#
# By hand: sh pairing.sh USER. PIVKIT in the environment is another path of the program.
# Beside who is at the screen, only pivkit is asked, and nothing is changed. Always exits with 0: otherwise Intune would not show what is printed.
set -u

# Not a path that a person could write to: the agent runs as root.
pivkit=${PIVKIT:-/usr/local/bin/pivkit}

user_of_this_mac() {
    user=$(/usr/bin/stat -f %Su /dev/console 2>/dev/null) || user=
    case $user in
    '' | root | loginwindow | _mbsetupuser)
        user=$(/usr/bin/defaults read /Library/Preferences/com.apple.loginwindow lastUserName 2>/dev/null) || user=
        ;;
    esac
    printf '%s' "$user"
}

state_of() {
    [ -x "$pivkit" ] || {
        echo 'pivkit is not installed'
        return
    }
    [ -n "$1" ] || {
        echo 'No user'
        return
    }
    answer=$("$pivkit" --json --non-interactive list --user="$1" 2>/dev/null) || {
        # Once more, for what it says of that.
        printf 'Error: %s\n' "$("$pivkit" --non-interactive list --user="$1" 2>&1 >/dev/null)"
        return
    }
    # One member a line. Within a text, JSON writes quotation marks with a backslash, so no name can pass for a member.
    hashes=$(printf '%s\n' "$answer" | tr '{},' '[\n*]' |
        sed -n 's/^[[:space:]]*"pairing_hash"[[:space:]]*:[[:space:]]*"\([0-9A-F]\{40\}\)".*/\1/p' | head -n 20 | tr '\n' ' ')
    if [ -n "$hashes" ]; then
        printf 'Paired: %s\n' "${hashes% }"
    else
        echo 'Not paired'
    fi
}

# One line of printable characters, short.
result() {
    LC_ALL=C tr '\n\t' '  ' | LC_ALL=C tr -cd '[:print:]' | cut -c 1-900 | sed 's/ *$//'
}

printf '%s\n' "$(state_of "${1:-$(user_of_this_mac)}" | result)"
