// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/file_run_store.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "pillar/base/file.hpp"
#include "pillar/conformance/run_store.hpp"

namespace pillar_test::storage_file_run_store {
namespace {

TEST(storage_file_run_store, a_temporary_file_has_no_name) {
  const std::string folder = testing::TempDir() + "pillar_file_run_store_test";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(std::filesystem::create_directory(folder));
  {
    auto file = pillar::posix_file::create_temporary(folder.c_str());
    ASSERT_TRUE(file.ok());
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    pillar::file_run_store store(*file, {.buffer_bytes = 512 << 10});
    const auto found = pillar::conformance::check_run_store("a temporary file", store, {.isolated = false});
    EXPECT_TRUE(found.ok()) << found;
    EXPECT_EQ(*file->size(), store.counts().bytes_written);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
  std::filesystem::remove(folder);
  EXPECT_EQ(pillar::posix_file::create_temporary(folder.c_str()).error().code, pillar::errc::io_error);
  EXPECT_EQ(pillar::posix_file::create_temporary(std::string(5000, 'x').c_str()).error().code, pillar::errc::io_error);
}

}  // namespace
}  // namespace pillar_test::storage_file_run_store
