# SPDX-License-Identifier: Apache-2.0
# One compilation serves both libraries. Static objects are PIC too: cgo links them into PIE.
file(GLOB LLMD_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lib/*/*.c)
list(SORT LLMD_SOURCES)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set_source_files_properties(lib/base/buf.c lib/base/utf8.c
        lib/net/group.c lib/net/lines.c lib/net/sse.c lib/openai/scan.c lib/openai/decoder.c
        PROPERTIES COMPILE_OPTIONS -O2)
    # What waits for servers is called from task/ in every frame: without unwind tables it weighs an
    # eighth less. Debuggers read the debug information's.
    set(waiting ${LLMD_SOURCES})
    list(FILTER waiting INCLUDE REGEX "/lib/(findings|gateway|gke|health|platform|service|wait)/")
    set_source_files_properties(${waiting} PROPERTIES
        COMPILE_OPTIONS "-fno-asynchronous-unwind-tables;-fno-unwind-tables")
endif()
# The list of known bundles is data: it becomes an array, so that the library needs no file.
set(BUNDLES ${PROJECT_SOURCE_DIR}/lib/platform/bundles.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${BUNDLES})
file(READ ${BUNDLES} bundles HEX)
string(REGEX REPLACE "(..)" "0x\\1," bundles "${bundles}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/bundles.c @ONLY
     CONTENT "const char llmd__bundles_json[] = {@bundles@0};\n")
add_library(llmd_objects OBJECT ${LLMD_SOURCES} ${PROJECT_BINARY_DIR}/bundles.c)
set_target_properties(llmd_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_link_libraries(llmd_objects PUBLIC llmd_flags PkgConfig::CURL PkgConfig::CJSON
                      PkgConfig::YAML PkgConfig::CRYPTO Threads::Threads)

add_library(llmd_shared SHARED)
add_library(llmd_static STATIC)
foreach(target llmd_shared llmd_static)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:llmd_objects>)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME llmd)
    target_include_directories(${target} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PRIVATE PkgConfig::CURL PkgConfig::CJSON PkgConfig::YAML
                          PkgConfig::CRYPTO Threads::Threads m)
endforeach()
# SONAME 0 until 1.0.0, then the major version.
set_target_properties(llmd_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0
                      LINK_DEPENDS ${PROJECT_SOURCE_DIR}/lib/llmd.map)
target_link_options(llmd_shared PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/lib/llmd.map
                    -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now)
if(NOT LLMD_SANITIZE)
    target_link_options(llmd_shared PRIVATE -Wl,-z,defs)
endif()
# Tables of names and functions are most of the relocations: packed they take a tenth of the room.
# A loader older than glibc 2.36 could not read them; who builds for one has a linker that knows
# nothing of them either, or says so.
include(CheckLinkerFlag)
check_linker_flag(C -Wl,-z,pack-relative-relocs LLMD_HAVE_PACKED_RELOCATIONS)
option(LLMD_PACK_RELOCATIONS "Pack relative relocations (glibc 2.36 or newer loads them)"
       ${LLMD_HAVE_PACKED_RELOCATIONS})
if(LLMD_PACK_RELOCATIONS)
    target_link_options(llmd_shared PRIVATE -Wl,-z,pack-relative-relocs)
endif()
add_library(llmd::llmd ALIAS llmd_shared)

# What a library without the Google Cloud side and the platform weighs (tests/run.sh); nobody installs it.
add_library(llmd_serving SHARED EXCLUDE_FROM_ALL
            "$<FILTER:$<TARGET_OBJECTS:llmd_objects>,EXCLUDE,/lib/(gke|platform)/>")
set_target_properties(llmd_serving PROPERTIES LINKER_LANGUAGE C)
get_target_property(options llmd_shared LINK_OPTIONS)
target_link_options(llmd_serving PRIVATE ${options})
target_link_libraries(llmd_serving PRIVATE PkgConfig::CURL PkgConfig::CJSON PkgConfig::YAML
                      PkgConfig::CRYPTO Threads::Threads m)
