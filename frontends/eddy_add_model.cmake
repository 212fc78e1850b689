# eddy_add_model(<target> [SOURCE <file>] [CELL <name>] [RUN <folder>] [WEIGHTS <file>]
#                [SET <sizes>] [PREFIX <name>] [CPU <name>] [TARGET <name>] [APART] [BATCH]
#                [FLUSH] [TRAIN [LOSS <name>] [OPTIMISER <name>]])
#
# A library <target> that holds the object of a cell, or of the model of a run, as `eddy compile`
# writes it. Whoever links it can include "<prefix>.h"; the prefix is the target's name unless one is
# given. It is made again when a file that it is made of has changed, or the command has.
#
#   find_package(eddy REQUIRED)
#   eddy_add_model(gru SOURCE gru.eddy WEIGHTS gru.safetensors)
#   target_link_libraries(app PRIVATE gru)
function(eddy_add_model target)
  cmake_parse_arguments(PARSE_ARGV 1 model
    "APART;BATCH;FLUSH;TRAIN"
    "SOURCE;CELL;RUN;WEIGHTS;SET;PREFIX;CPU;TARGET;LOSS;OPTIMISER" "")
  if(model_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "eddy_add_model(${target}): what is ${model_UNPARSED_ARGUMENTS}?")
  endif()
  if(model_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR
      "eddy_add_model(${target}): nothing follows ${model_KEYWORDS_MISSING_VALUES}")
  endif()
  if(model_SOURCE AND model_RUN)
    message(FATAL_ERROR "eddy_add_model(${target}): a model is of a SOURCE or of a RUN, not both")
  endif()

  set(prefix ${target})
  if(model_PREFIX)
    set(prefix ${model_PREFIX})
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.model)
  set(made ${folder}/${prefix}.o ${folder}/${prefix}.h ${folder}/${prefix}.json)
  if(model_APART)
    list(APPEND made ${folder}/${prefix}.weights)
  endif()
  file(MAKE_DIRECTORY ${folder})

  set(arguments)
  set(needs)
  foreach(keyword IN ITEMS SOURCE RUN WEIGHTS)
    if(model_${keyword})
      cmake_path(ABSOLUTE_PATH model_${keyword} BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    endif()
  endforeach()
  if(model_RUN)
    file(GLOB needs CONFIGURE_DEPENDS ${model_RUN}/*.safetensors)
    list(APPEND needs ${model_RUN}/run.json)
  endif()
  list(APPEND arguments ${model_SOURCE} ${model_RUN})
  list(APPEND needs ${model_SOURCE} ${model_WEIGHTS})
  foreach(keyword IN ITEMS CELL WEIGHTS SET CPU TARGET LOSS OPTIMISER)
    if(model_${keyword})
      string(TOLOWER ${keyword} option)
      list(APPEND arguments --${option} ${model_${keyword}})
    endif()
  endforeach()
  foreach(keyword IN ITEMS APART BATCH FLUSH TRAIN)
    if(model_${keyword})
      string(TOLOWER ${keyword} option)
      list(APPEND arguments --${option})
    endif()
  endforeach()

  add_custom_command(OUTPUT ${made}
    COMMAND eddy::command compile ${arguments} --output ${folder}/${prefix}
    DEPENDS ${needs} eddy::command
    COMMENT "Compiling the model ${target}" VERBATIM)
  set_source_files_properties(${folder}/${prefix}.o PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  add_library(${target} STATIC ${made})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${target} INTERFACE ${folder})
endfunction()
