# SPDX-License-Identifier: Apache-2.0
# xxhash is used in header mode (XXH_INLINE_ALL), so that no version meets a user's own. Defines XXHash::headers.
include(FindPackageHandleStandardArgs)
find_path(XXHASH_INCLUDE_DIR xxhash.h)
mark_as_advanced(XXHASH_INCLUDE_DIR)
find_package_handle_standard_args(XXHash REQUIRED_VARS XXHASH_INCLUDE_DIR)
if(XXHash_FOUND AND NOT TARGET XXHash::headers)
  add_library(XXHash::headers INTERFACE IMPORTED)
  target_include_directories(XXHash::headers INTERFACE ${XXHASH_INCLUDE_DIR})
endif()
