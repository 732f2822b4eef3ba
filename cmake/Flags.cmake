# SPDX-License-Identifier: Apache-2.0
# gnu11: the cleanup attribute and statement expressions are used inside, never in public headers.
# Release builds are small (budgets: tests/run.sh): waiting for servers is most of the work, and
# the few files through which every byte of a stream goes are built for speed (Library.cmake).
include(CheckCCompilerFlag)
check_c_compiler_flag(-Oz LLMD_HAVE_OZ) # GCC before 12 has none
if(LLMD_HAVE_OZ)
    set(CMAKE_C_FLAGS_RELEASE "-Oz -DNDEBUG")
else()
    set(CMAKE_C_FLAGS_RELEASE "-Os -DNDEBUG")
endif()
add_library(llmd_flags INTERFACE)
target_compile_features(llmd_flags INTERFACE c_std_11)
target_compile_options(llmd_flags INTERFACE
    -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
    -Wno-missing-field-initializers -fvisibility=hidden -fno-common
    -ffunction-sections -fdata-sections -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
target_compile_definitions(llmd_flags INTERFACE _GNU_SOURCE)
target_include_directories(llmd_flags INTERFACE ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR}/include)
if(LLMD_WERROR)
    target_compile_options(llmd_flags INTERFACE -Werror)
endif()
if(LLMD_SANITIZE)
    target_compile_options(llmd_flags INTERFACE -fsanitize=${LLMD_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${LLMD_SANITIZE})
endif()
