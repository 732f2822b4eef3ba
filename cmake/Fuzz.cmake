# SPDX-License-Identifier: Apache-2.0
# libFuzzer programs, one a file of tests/fuzz:
#   CC=clang cmake -B build/fuzz -DLLMD_FUZZ=ON -DLLMD_SANITIZE=address,undefined
#   cmake --build build/fuzz && build/fuzz/fuzz_json -max_total_time=60
if(NOT CMAKE_C_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "LLMD_FUZZ needs clang (CC=clang): libFuzzer is a part of it")
endif()
target_compile_options(llmd_objects PRIVATE -fsanitize=fuzzer-no-link)
file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
list(SORT sources)
foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE llmd_static llmd_flags PkgConfig::CURL PkgConfig::CJSON
                          PkgConfig::YAML PkgConfig::CRYPTO Threads::Threads m)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endforeach()
