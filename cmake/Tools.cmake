# SPDX-License-Identifier: Apache-2.0
file(GLOB SANDBOX_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/sandbox/*.c
     ${PROJECT_SOURCE_DIR}/tools/sandbox/google/*.c)
list(SORT SANDBOX_SOURCES)
if(SANDBOX_SOURCES)
    # httpd is also the scripted server of the tests.
    list(FILTER SANDBOX_SOURCES EXCLUDE REGEX "/main\\.c$")
    add_library(sandbox_objects STATIC ${SANDBOX_SOURCES})
    target_include_directories(sandbox_objects PUBLIC ${PROJECT_SOURCE_DIR}/tools)
    pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl)
    target_link_libraries(sandbox_objects PUBLIC llmd_static llmd_flags PkgConfig::SSL
                          PkgConfig::CRYPTO Threads::Threads)
    if(EXISTS ${PROJECT_SOURCE_DIR}/tools/sandbox/main.c)
        add_executable(llmd-sandbox ${PROJECT_SOURCE_DIR}/tools/sandbox/main.c)
        target_link_libraries(llmd-sandbox PRIVATE sandbox_objects)
        install(TARGETS llmd-sandbox RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
endif()
