# SPDX-License-Identifier: Apache-2.0
# Measurements, run by hand or by tests/bench/run.sh; never tests, because machines are shared.
file(GLOB bench_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/bench/*.c)
list(SORT bench_sources)
foreach(source ${bench_sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE llmd_static llmd_flags PkgConfig::CURL PkgConfig::CJSON
        PkgConfig::YAML PkgConfig::CRYPTO Threads::Threads m)
    if(TARGET test_support)
        target_link_libraries(${name} PRIVATE test_support)
    endif()
endforeach()
