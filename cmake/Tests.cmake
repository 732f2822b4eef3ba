# SPDX-License-Identifier: Apache-2.0
# One program a file: tests/unit (pure, no I/O), tests/fault and tests/scenario (servers on loopback).
# They link the static library, so they see internals too.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
file(GLOB SUPPORT_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.c)
list(SORT SUPPORT_SOURCES)
# Unit tests need no server: what they use stands alone.
set(unit_support ${SUPPORT_SOURCES})
list(FILTER unit_support INCLUDE REGEX "/(errors|golden|torture)\\.c$")
list(REMOVE_ITEM SUPPORT_SOURCES ${unit_support})
add_library(test_unit_support STATIC ${unit_support})
target_include_directories(test_unit_support PUBLIC ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test_unit_support PUBLIC llmd_static llmd_flags PkgConfig::CMOCKA)
if(SUPPORT_SOURCES)
    add_library(test_support STATIC ${SUPPORT_SOURCES})
    target_include_directories(test_support PUBLIC ${PROJECT_SOURCE_DIR}/tests)
    target_compile_definitions(test_support PRIVATE SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(test_support PUBLIC test_unit_support sandbox_objects)
endif()
# Tests wait more than they compute, so several run at once (tests/run.sh); those that wait longest
# begin first: COST.
set(unit_cost 1)
set(fault_cost 10)
set(scenario_cost 20)
foreach(kind unit fault scenario)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${kind}/test_*.c)
    list(SORT sources)
    foreach(source ${sources})
        get_filename_component(name ${source} NAME_WE)
        set(target ${kind}_${name})
        add_executable(${target} ${source})
        target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
        target_compile_definitions(${target} PRIVATE SOURCE_DIR="${PROJECT_SOURCE_DIR}")
        target_link_libraries(${target} PRIVATE test_unit_support llmd_static llmd_flags PkgConfig::CMOCKA
            PkgConfig::CURL PkgConfig::CJSON PkgConfig::YAML PkgConfig::CRYPTO Threads::Threads m)
        if(TARGET test_support AND NOT kind STREQUAL unit)
            target_link_libraries(${target} PRIVATE test_support)
        endif()
        add_test(NAME ${kind}/${name} COMMAND ${target})
        set_tests_properties(${kind}/${name} PROPERTIES TIMEOUT 300 LABELS ${kind} COST ${${kind}_cost}
            ENVIRONMENT "LLMD_SANDBOX=$<IF:$<TARGET_EXISTS:llmd-sandbox>,$<TARGET_FILE:llmd-sandbox>,>")
    endforeach()
endforeach()
# What the rig installs its operators with; it uses the public API only.
foreach(program apply platform)
    add_executable(rig_${program} ${PROJECT_SOURCE_DIR}/tests/rig/${program}.c)
    target_link_libraries(rig_${program} PRIVATE llmd_static llmd_flags PkgConfig::CURL
        PkgConfig::CJSON PkgConfig::YAML PkgConfig::CRYPTO Threads::Threads m)
endforeach()

# What a script can hold the tree to; each prints what is wrong and one line.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(check layers sizes banned headers format pitfalls words)
    add_test(NAME checks/${check}
             COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/checks/${check}.py)
endforeach()
add_test(NAME checks/symbols COMMAND ${Python3_EXECUTABLE}
         ${PROJECT_SOURCE_DIR}/tests/checks/symbols.py $<TARGET_FILE:llmd_shared>)
set_tests_properties(checks/layers checks/sizes checks/banned checks/headers checks/format
                     checks/pitfalls checks/words checks/symbols PROPERTIES TIMEOUT 120 LABELS checks)
# Against a real API server; tests/rig/scenario/run-api.sh runs them. Alone they skip everything.
foreach(name kube_api kube_memory)
    add_executable(rig_test_${name} ${PROJECT_SOURCE_DIR}/tests/rig/scenario/test_${name}.c
                   ${PROJECT_SOURCE_DIR}/tests/rig/scenario/api.c)
    target_link_libraries(rig_test_${name} PRIVATE test_unit_support llmd_static llmd_flags PkgConfig::CMOCKA
        PkgConfig::CURL PkgConfig::CJSON PkgConfig::YAML PkgConfig::CRYPTO Threads::Threads m)
endforeach()
if(TARGET llmd-sandbox)
    add_test(NAME scenario/kube_api COMMAND
             ${PROJECT_SOURCE_DIR}/tests/rig/scenario/run-sandbox.sh ${PROJECT_BINARY_DIR})
    set_tests_properties(scenario/kube_api PROPERTIES TIMEOUT 240 LABELS scenario COST 30)
endif()
