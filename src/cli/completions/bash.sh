_kakehi_complete_NAME() {
    # Bash cuts words at `:` and `=`, which URLs have: what stands between blanks is put together again.
    local line=${COMP_LINE:0:COMP_POINT} words=() at=-1 index piece quote= reply
    for index in "${!COMP_WORDS[@]}"; do
        piece=${COMP_WORDS[index]}
        ((index < COMP_CWORD)) || piece=${line#"${line%%[![:blank:]]*}"}
        if ((at < 0)) || [[ -z $line || $line == [[:blank:]]* ]]; then
            words[++at]=
        fi
        words[at]+=$piece
        line=${line#"${line%%[![:blank:]]*}"}
        line=${line:${#piece}}
        ((index < COMP_CWORD)) || break
    done
    local word=${words[at]}
    case $word in
        [\'\"]*) quote=${word:0:1} word=${word:1} ;;
        *) word=${word//\\/} ;;
    esac
    words[at]=$word
    local cut=
    [[ $quote || $word != *[:=@]* ]] || cut=${word%"${word##*[:=@]}"}
    local IFS=$'\013'
    COMPREPLY=($(KAKEHI_COMPLETE=bash _CLAP_IFS=$IFS _CLAP_COMPLETE_INDEX=$at "$1" -- "${words[@]}" 2>/dev/null))
    for index in "${!COMPREPLY[@]}"; do
        reply=${COMPREPLY[index]#"$cut"}
        if [[ ! $quote ]]; then
            printf -v reply %q "$reply"
        fi
        COMPREPLY[index]=$reply
    done
    # Bash ends a quoted word where there is but one: what can go on is told twice, and then stays open.
    if [[ ${#COMPREPLY[@]} == 1 && $quote && ${COMPREPLY[0]} == *[/:=] ]]; then
        COMPREPLY+=("${COMPREPLY[0]} ")
    fi
    # Behind a word that is whole comes a blank: it is one that cannot go on.
    if [[ ${#COMPREPLY[@]} == 1 && ! $quote && $word != *:* && ${COMPREPLY[0]} != *[/:=] ]]; then
        COMPREPLY[0]+=' '
    fi
}
if [[ ${BASH_VERSINFO[0]} -gt 4 || ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 ]]; then
    complete -o nospace -o bashdefault -o nosort -F _kakehi_complete_NAME NAME
else
    complete -o nospace -o bashdefault -F _kakehi_complete_NAME NAME
fi
