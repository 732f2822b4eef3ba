# SPDX-License-Identifier: Apache-2.0
# Headers, both libraries, llmd.pc, and the CMake package with llmd::llmd and llmd::llmd_static.
include(CMakePackageConfigHelpers)
set(LLMD_CMAKEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/llmd)

set_target_properties(llmd_shared PROPERTIES EXPORT_NAME llmd)
install(TARGETS llmd_shared llmd_static EXPORT llmd-targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/llmd DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT llmd-targets NAMESPACE llmd:: DESTINATION ${LLMD_CMAKEDIR})

configure_package_config_file(cmake/llmd-config.cmake.in ${PROJECT_BINARY_DIR}/llmd-config.cmake
    INSTALL_DESTINATION ${LLMD_CMAKEDIR} NO_SET_AND_CHECK_MACRO)
# Until 1.0 a new minor version may break.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/llmd-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/llmd-config.cmake ${PROJECT_BINARY_DIR}/llmd-config-version.cmake
        DESTINATION ${LLMD_CMAKEDIR})

# Relative to the file itself, so that a tree can be installed anywhere or moved.
set(llmd_pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    file(RELATIVE_PATH up /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
    set(llmd_pc_prefix "\${pcfiledir}/${up}")
endif()
foreach(dir libdir includedir)
    string(TOUPPER ${dir} upper)
    if(IS_ABSOLUTE ${CMAKE_INSTALL_${upper}})
        set(llmd_pc_${dir} ${CMAKE_INSTALL_${upper}})
    else()
        set(llmd_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${upper}}")
    endif()
endforeach()
# llmd-static is for those who want libllmd.a without archives of what it needs: Debian has no
# libcjson.a, so that "pkg-config --static" alone cannot be satisfied there.
foreach(name llmd llmd-static)
    configure_file(pkgconfig/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
