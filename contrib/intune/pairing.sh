#!/bin/sh
# Microsoft Intune custom attribute for macOS (data type String): which smart cards open the account of the person at this Mac.
#
#   Paired: A99E433CE9461FFC3F6BAF435AFA1472ADFEFBAB     one pairing hash or several, with commas
#   Mapped: Kerberos:alice@example.test                  values of the account by which attribute mapping finds it
#   Not paired
#   No user                                              nobody is at the screen, and nobody was
#   pivkit is not installed
#   Error: ...                                           what pivkit said
#
# A Mac can have both: Paired: ...; Mapped: ...
# By hand: sh pairing.sh USER. PIVKIT in the environment is another path of the program.
# Beside who is at the screen, only pivkit is asked, and nothing is changed. Always exits with 0: otherwise Intune would not
# show what is printed.
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
    answer=$(ask list --user="$1") || {
        error_of list --user="$1"
        return
    }
    paired=$(printf '%s\n' "$answer" | pairings Paired)
    mapped=
    case $(printf '%s' "$answer" | tr -d '[:space:]') in
    *'"backend":"macos"'*) mapped=$(mapped_of "$1") ;;
    esac
    both=$paired${paired:+${mapped:+; }}$mapped
    printf '%s\n' "${both:-Not paired}"
}

# The values by which a Mac with attribute mapping finds the account.
mapped_of() {
    # No document: no file that anybody could read. And one that only names authorities maps nothing. Neither is an error.
    case $(ask mapping lint | tr -d '[:space:]') in
    '') return ;;
    *'"ok":false'*) ;;
    *'"mapping":null'*) return ;;
    esac
    answer=$(ask list --mapping --user="$1") || {
        error_of list --mapping --user="$1"
        return
    }
    printf '%s\n' "$answer" | pairings Mapped
}

ask() {
    "$pivkit" --json --non-interactive "$@" 2>/dev/null
}

# Asks once more, for what pivkit says of its failure.
error_of() {
    printf 'Error: %s\n' "$("$pivkit" --non-interactive "$@" 2>&1 >/dev/null)"
}

# The pairings in what pivkit lists, after a word. Each by its hash, or, without one, by what is kept instead: a digest, a rule, a
# value. Those in files that pivkit does not manage do not count.
#
# JSON is taken apart into its texts, signs and words, one a line, so that nothing in a text can pass for a member.
pairings() {
    LC_ALL=C grep -aoE '"([^"\\]|\\.)*"|[][{}:,]|[^][{}:,"[:space:]]+' | LC_ALL=C awk -v word="$1" '
        $0 == "{" { hash = key = elsewhere = "" }
        last == ":" && member == "\"pairing_hash\"" && $0 != "null" { hash = $0 }
        last == ":" && member == "\"key\"" { key = $0 }
        last == ":" && member == "\"elsewhere\"" && $0 != "null" { elsewhere = $0 }
        $0 == ":" { member = last }
        $0 == "}" {
            if (hash == "") hash = key
            if (hash != "" && elsewhere == "" && ++count <= 20) found = found (count > 1 ? ", " : "") substr(hash, 2, length(hash) - 2)
            hash = key = elsewhere = ""
        }
        { last = $0 }
        END { if (count > 20) found = found " and " (count - 20) " more"; if (count) print word ": " found }
    ' | sed 's/\\\(["\\]\)/\1/g'
}

# One line of printable characters, short.
result() {
    LC_ALL=C tr '\n\t' '  ' | LC_ALL=C tr -c '[:print:]' '?' | cut -c 1-900 | sed 's/ *$//'
}

printf '%s\n' "$(state_of "${1:-$(user_of_this_mac)}" | result)"
