autocmd BufRead,BufNewFile *.eddy setfiletype eddy
