" Vim syntax file of Eddy's cell language.
" Written by the test golden_editors from the language's tables.
if exists('b:current_syntax')
  finish
endif

syntax keyword eddyKeyword cell state param fixed for in over else adjoint surrogate
highlight default link eddyKeyword Statement
syntax keyword eddyOperator and or not mod
highlight default link eddyOperator Operator
syntax keyword eddyType int bool complex size real
highlight default link eddyType Type
syntax keyword eddyStart glorot orthogonal identity uniform normal
highlight default link eddyStart Constant
syntax keyword eddyDefined t train pi
highlight default link eddyDefined Identifier

" A function only before its bracket: a state may be called last.
syntax match eddyFunction '\<\%(exp\|abs\|stop\|softplus\|silu\|sinh\|int\|real\|complex\|re\|im\|conj\|outer\|logaddexp\|sum\|mean\|lse\|max\|min\|argmax\|softmax\|log_softmax\|last\|at\|gather\|spread\|steps\|reshape\|concat\|pad\|zeros\|ones\|iota\|eye\|onehot\|contract\|random\|random_sequence\|random_normal\|grad\|cross_entropy\|batch_norm\|where\|sign\|floor\|square\|expm1\|log\|log1p\|tanh\|sigmoid\|relu\|sin\|cos\|sqrt\|keep\)\ze\s*('
highlight default link eddyFunction Function
syntax match eddyCellName '\%(\<cell\s\+\)\@<=\k\+'
highlight default link eddyCellName Title
syntax match eddyNext "\k\@1<='"
highlight default link eddyNext Special
syntax match eddyNumber '\<\d\+\%(\.\d\+\)\?\%([eE][-+]\?\d\+\)\?\>'
highlight default link eddyNumber Number
syntax region eddyText start='"' end='"' oneline
highlight default link eddyText String
syntax match eddyComment '#.*$' contains=@Spell
highlight default link eddyComment Comment

let b:current_syntax = 'eddy'
