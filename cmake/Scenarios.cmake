# SPDX-License-Identifier: Apache-2.0
# The program that scripts of tests/scenario and tests/rig run, and the scenarios on the sandbox.
foreach(program deploy cluster)
    add_executable(${program} ${CMAKE_SOURCE_DIR}/tests/scenario/${program}.c
                   ${CMAKE_SOURCE_DIR}/tests/scenario/report.c)
    target_link_libraries(${program} PRIVATE llmd_static llmd_flags PkgConfig::CURL
        PkgConfig::CJSON PkgConfig::YAML PkgConfig::CRYPTO Threads::Threads m)
endforeach()
if(TARGET llmd-sandbox)
    add_test(NAME scenario/kill COMMAND python3 ${CMAKE_SOURCE_DIR}/tests/scenario/kill.py
             $<TARGET_FILE:deploy> $<TARGET_FILE:llmd-sandbox>)
    # The full count is for the plain build; with sanitizers a few kills show what they can show.
    if(LLMD_SANITIZE)
        set(kills 5)
    else()
        set(kills 20)
    endif()
    add_test(NAME scenario/kill_cluster COMMAND python3
             ${CMAKE_SOURCE_DIR}/tests/scenario/kill_cluster.py
             $<TARGET_FILE:cluster> $<TARGET_FILE:llmd-sandbox> ${kills})
    add_test(NAME scenario/kill_platform COMMAND python3
             ${CMAKE_SOURCE_DIR}/tests/scenario/kill_platform.py
             $<TARGET_FILE:rig_platform> $<TARGET_FILE:llmd-sandbox>)
    set_tests_properties(scenario/kill scenario/kill_cluster scenario/kill_platform PROPERTIES
        TIMEOUT 300 LABELS scenario COST 30)
endif()
