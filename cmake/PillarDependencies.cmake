# SPDX-License-Identifier: Apache-2.0
# What Pillar needs, found the same way by its own build and by the installed package.
# Sets PILLAR_DEPENDENCIES, the targets that every Pillar target links.
include(CMakeFindDependencyMacro)

# Abseil accepts only its exact version, so ask without one.
find_dependency(absl)
find_dependency(Boost)  # headers only: Boost.Container's small_vector, static_vector, flat_map
find_dependency(zstd)
find_dependency(LZ4)
find_dependency(XXHash)
find_dependency(Threads)

# zstd names its targets by linkage, and not every distribution installs both.
if(NOT TARGET Pillar::zstd)
  add_library(Pillar::zstd INTERFACE IMPORTED)
  foreach(candidate zstd::libzstd zstd::libzstd_shared zstd::libzstd_static)
    if(TARGET ${candidate})
      target_link_libraries(Pillar::zstd INTERFACE ${candidate})
      break()
    endif()
  endforeach()
endif()

# Debian's target `xsimd` links a library that its package does not depend on; the headers alone are what we use.
if(NOT TARGET Pillar::xsimd)
  find_path(XSIMD_INCLUDE_DIR xsimd/xsimd.hpp)
  mark_as_advanced(XSIMD_INCLUDE_DIR)
  if(NOT XSIMD_INCLUDE_DIR)
    set(${CMAKE_FIND_PACKAGE_NAME}_FOUND FALSE)
    set(${CMAKE_FIND_PACKAGE_NAME}_NOT_FOUND_MESSAGE "xsimd/xsimd.hpp not found (Debian: libxsimd-dev)")
    return()
  endif()
  add_library(Pillar::xsimd INTERFACE IMPORTED)
  target_include_directories(Pillar::xsimd INTERFACE ${XSIMD_INCLUDE_DIR})
endif()

# Optional components. csv: interop/csv.hpp through libcsv.
if("csv" IN_LIST ${CMAKE_FIND_PACKAGE_NAME}_FIND_COMPONENTS)
  find_package(CSV QUIET)
endif()

set(PILLAR_DEPENDENCIES absl::status absl::statusor absl::strings absl::flat_hash_map Boost::headers Pillar::xsimd
    Pillar::zstd LZ4::lz4 XXHash::headers Threads::Threads)
