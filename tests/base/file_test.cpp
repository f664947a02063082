// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/file.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace pillar_test::base_file {
namespace {

TEST(base_file, holds_what_was_appended) {
  const std::string path = testing::TempDir() + "pillar_file_test";
  const std::string first = "one prefix, ", second = "and the rest";
  {
    auto made = pillar::posix_file::create(path.c_str());
    ASSERT_TRUE(made.ok());
    EXPECT_TRUE(made->append(std::as_bytes(std::span(first))).ok());
    EXPECT_TRUE(made->append({}).ok());
    EXPECT_TRUE(made->append(std::as_bytes(std::span(second))).ok());
    EXPECT_TRUE(made->sync().ok());
  }
  auto opened = pillar::posix_file::open(path.c_str());
  ASSERT_TRUE(opened.ok());
  pillar::posix_file file = *std::move(opened);
  EXPECT_EQ(*file.size(), first.size() + second.size());
  std::string back(8, ' ');
  EXPECT_TRUE(file.read_at(first.size() + 4, std::as_writable_bytes(std::span(back))).ok());
  EXPECT_EQ(back, "the rest");
  EXPECT_EQ(file.read_at(first.size() + 5, std::as_writable_bytes(std::span(back))).error(),
            (pillar::failure{pillar::errc::truncated, first.size() + second.size()}));
  EXPECT_EQ(file.append(std::as_bytes(std::span(first))).error(), (pillar::failure{pillar::errc::io_error, EBADF}));
  std::remove(path.c_str());
  EXPECT_EQ(pillar::posix_file::open(path.c_str()).error(), (pillar::failure{pillar::errc::io_error, ENOENT}));
}

TEST(base_file, is_continued_and_mapped) {
  const std::string path = testing::TempDir() + "pillar_file_test_mapped";
  const std::string first = "one prefix, ", second = "and the rest";
  ASSERT_TRUE(pillar::posix_file::create(path.c_str()).ok());
  EXPECT_TRUE(pillar::mapped_file::open(path.c_str())->bytes().empty());
  for (const auto& part : {first, second}) {
    auto file = pillar::posix_file::open_to_append(path.c_str());
    ASSERT_TRUE(file.ok());
    pillar::writable_file_ref any(*file);
    EXPECT_TRUE(any.append(std::as_bytes(std::span(part))).ok());
    EXPECT_TRUE(any.sync().ok());
    file->will_need(0, 1'000);
  }
  auto opened = pillar::mapped_file::open(path.c_str());
  ASSERT_TRUE(opened.ok());
  const pillar::mapped_file mapped = *std::move(opened);
  const auto bytes = mapped.bytes();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), first + second);
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{1} << 40})
    mapped.will_need(offset, ~std::uint64_t{0});
  const std::string other = path + ".other";
  EXPECT_TRUE(pillar::rename_file(path.c_str(), other.c_str()).ok());
  EXPECT_TRUE(pillar::sync_folder(testing::TempDir().c_str()).ok());
  EXPECT_EQ(pillar::sync_folder(other.c_str()).error(), (pillar::failure{pillar::errc::io_error, ENOTDIR}));
  std::remove(other.c_str());
  EXPECT_EQ(pillar::rename_file(path.c_str(), other.c_str()).error(),
            (pillar::failure{pillar::errc::io_error, ENOENT}));
  EXPECT_EQ(pillar::mapped_file::open(path.c_str()).error(), (pillar::failure{pillar::errc::io_error, ENOENT}));
  EXPECT_EQ(pillar::posix_file::open_to_append(path.c_str()).error(),
            (pillar::failure{pillar::errc::io_error, ENOENT}));
}

}  // namespace
}  // namespace pillar_test::base_file
