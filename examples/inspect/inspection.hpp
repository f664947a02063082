// SPDX-License-Identifier: Apache-2.0
// What is in a block, a slice file or a table's folder, as values; the reports only print them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace inspect {

/// What is wrong, and where in the file.
struct fault {
  std::string what;  ///< empty: nothing
  std::uint64_t offset = 0;
  explicit operator bool() const { return !what.empty(); }
};

/// Bounds as text, and as numbers where they are ones: for pictures.
struct zone {
  std::optional<std::string> minimum, maximum;  ///< where they are known
  bool is_text = false;
  bool minimum_exact = false, maximum_exact = false;
  bool has_nan = false;
  bool is_number = false;
  double low = 0, high = 0;
};

struct vector_facts {
  std::uint32_t rows = 0;
  std::uint32_t nulls = 0;
  std::uint64_t bytes = 0;
  zone bounds;
};

/// One node of a block's tree of codecs: the column's own, then those of what it derives.
struct codec_node {
  std::string codec;
  std::string type;
  std::uint64_t bytes = 0;    ///< its own part, before the byte transform
  std::uint64_t rows = 0;     ///< a run-end codec's children have fewer than the block
  std::uint64_t entries = 0;  ///< of a dictionary
  std::uint32_t depth = 0;
};

struct block_facts {
  std::uint32_t column = 0;
  std::uint64_t id = 0, offset = 0, bytes = 0, checksum = 0;
  std::uint32_t extent = 0;
  fault broken;  ///< why it could not be opened; then only what the footer says is here
  std::string type;
  std::string codecs;     ///< "frame_of_reference", "run_end(dictionary, frame_of_reference)"
  std::string transform;  ///< empty without one
  std::uint32_t rows = 0, nulls = 0;
  std::uint64_t shared_bytes = 0;
  std::vector<codec_node> tree;
  zone bounds;
  std::vector<vector_facts> vectors;
};

struct column_facts {
  std::string name, type;
  std::uint64_t bytes = 0, rows = 0, nulls = 0, blocks = 0;
  std::vector<std::string> codecs;  ///< that its blocks have, the most frequent first
  zone bounds;
};

struct group_facts {
  std::uint64_t id = 0;
  std::uint32_t rows = 0;
  std::vector<block_facts> blocks;
};

struct extent_facts {
  std::uint64_t offset = 0, bytes = 0, blocks = 0;
};

/// A slice file, or a file that is one block.
struct file_facts {
  std::string name;
  std::uint64_t bytes = 0;
  fault broken;
  bool is_slice = false;
  std::uint64_t file_id = 0, version = 0, footer_number = 0, footer_offset = 0, footer_bytes = 0, torn_bytes = 0;
  std::uint32_t slice = 0, slice_count = 1;
  std::uint64_t rows = 0, zone_count = 0;
  std::vector<extent_facts> extents;
  std::vector<column_facts> columns;
  std::vector<group_facts> groups;
};

struct inspection {
  std::string kind;  ///< "block", "slice file", "table folder"
  std::string path;
  std::vector<file_facts> files;
  [[nodiscard]] bool is_whole() const;
};

struct inspect_options {
  bool with_vectors = false;
  bool with_torn = false;  ///< accept a file whose end is torn, by its last whole footer
  std::string column;      ///< only this one; empty: all
};

/// Looks at a file or folder. Never fails: what is wrong with it is in the faults.
inspection inspect_path(const std::string& path, const inspect_options& options);

std::string to_text(const inspection& from, const inspect_options& options);
std::string to_json(const inspection& from);
std::string to_html(const inspection& from);

/// The bound in words, texts between quotation marks; empty where unknown.
std::string in_words(const zone& of, const std::optional<std::string>& bound);

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t value);

}  // namespace inspect
