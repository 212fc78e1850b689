" :compiler eddy, then :make lists the mistakes of the cell file at hand.
let current_compiler = 'eddy'
CompilerSet makeprg=eddy\ check\ %:S\ --format=gcc
CompilerSet errorformat=%f:%l:%c:\ %trror:\ %m,%f:%l:%c:\ %tarning:\ %m
