# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(pillar_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Pillar)
install(TARGETS pillar pillar_kernels pillar_header_only pillar_conformance EXPORT PillarTargets
        FILE_SET HEADERS FILE_SET definitions)
install(EXPORT PillarTargets NAMESPACE pillar:: DESTINATION ${pillar_package_dir})
if(TARGET pillar_csv)
  install(TARGETS pillar_csv EXPORT PillarCsvTargets)
  install(EXPORT PillarCsvTargets NAMESPACE pillar:: DESTINATION ${pillar_package_dir})
endif()

configure_package_config_file(cmake/PillarConfig.cmake.in PillarConfig.cmake INSTALL_DESTINATION ${pillar_package_dir})
# While the major version is 0, a minor version may break. Not ARCH_INDEPENDENT: pillar::kernels is compiled.
write_basic_package_version_file(PillarConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/PillarConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/PillarConfigVersion.cmake
              cmake/PillarDependencies.cmake cmake/FindLZ4.cmake cmake/FindCSV.cmake cmake/FindXXHash.cmake
        DESTINATION ${pillar_package_dir})
install(TARGETS pillar_inspect)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
