// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string_view>

#include "inspection.hpp"

namespace inspect {

namespace {

/// Writes JSON: knows when a comma is due.
class json_writer {
 public:
  void open(char bracket) {
    comma();
    text_ += bracket;
    fresh_ = true;
  }
  void close(char bracket) {
    text_ += bracket;
    fresh_ = false;
  }
  void name(std::string_view key) {
    comma();
    quote(key);
    text_ += ':';
    fresh_ = true;
  }
  void value(std::string_view text) {
    comma();
    quote(text);
  }
  void value(std::uint64_t number) {
    comma();
    text_ += std::to_string(number);
  }
  void value(bool truth) {
    comma();
    text_ += truth ? "true" : "false";
  }
  void nothing() {
    comma();
    text_ += "null";
  }
  template <class T>
  void member(std::string_view key, const T& what) {
    name(key);
    value(what);
  }
  void member(std::string_view key, const std::string& what) {
    name(key);
    value(std::string_view(what));
  }
  [[nodiscard]] std::string take() && { return std::move(text_) + '\n'; }

 private:
  void comma() {
    if (!fresh_) text_ += ',';
    fresh_ = false;
  }
  /// Bytes that are no UTF-8 become U+FFFD: values come from files.
  void quote(std::string_view text) {
    text_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f) {
        char code[8];
        std::snprintf(code, sizeof(code), "\\u%04x", static_cast<unsigned>(byte));
        text_ += code;
        ++at;
      } else {
        const std::size_t size = length_of(text.substr(at));
        text_ += size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(at, size);
        at += size == 0 ? 1 : size;
      }
    }
    text_ += '"';
  }
  /// Bytes of the well-formed character at the front; 0 where there is none.
  static std::size_t length_of(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t size = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
    if (size == 0 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
      if ((byte(i) & 0xc0) != 0x80) return 0;
    const unsigned char second = byte(1);
    const bool fits = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second >= 0xa0) &&
                      !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second >= 0x90);
    return fits ? size : 0;
  }
  std::string text_{};
  bool fresh_ = true;
};

void write(json_writer& out, const fault& broken) {
  out.name("error");
  if (!broken) return out.nothing();
  out.open('{');
  out.member("what", broken.what);
  out.member("offset", broken.offset);
  out.close('}');
}

void write(json_writer& out, const zone& bounds) {
  out.name("zone");
  out.open('{');
  if (bounds.minimum) out.member("minimum", *bounds.minimum), out.member("minimum_exact", bounds.minimum_exact);
  if (bounds.maximum) out.member("maximum", *bounds.maximum), out.member("maximum_exact", bounds.maximum_exact);
  out.member("has_nan", bounds.has_nan);
  out.close('}');
}

void write(json_writer& out, const block_facts& block) {
  out.open('{');
  out.member("column", std::uint64_t{block.column});
  out.member("id", block.id);
  out.member("offset", block.offset);
  out.member("extent", std::uint64_t{block.extent});
  out.member("bytes", block.bytes);
  out.member("shared_bytes", block.shared_bytes);
  out.member("checksum", std::to_string(block.checksum));  // 64 bits are more than JSON's numbers keep
  write(out, block.broken);
  out.member("type", block.type);
  out.member("rows", std::uint64_t{block.rows});
  out.member("nulls", std::uint64_t{block.nulls});
  out.member("codecs", block.codecs);
  out.member("transform", block.transform);
  out.name("tree");
  out.open('[');
  for (const codec_node& node : block.tree) {
    out.open('{');
    out.member("depth", std::uint64_t{node.depth});
    out.member("codec", node.codec);
    out.member("type", node.type);
    out.member("rows", node.rows);
    out.member("bytes", node.bytes);
    out.member("entries", node.entries);
    out.close('}');
  }
  out.close(']');
  write(out, block.bounds);
  out.name("vectors");
  out.open('[');
  for (const vector_facts& vector : block.vectors) {
    out.open('{');
    out.member("rows", std::uint64_t{vector.rows});
    out.member("nulls", std::uint64_t{vector.nulls});
    out.member("bytes", vector.bytes);
    write(out, vector.bounds);
    out.close('}');
  }
  out.close(']');
  out.close('}');
}

void write(json_writer& out, const file_facts& file) {
  out.open('{');
  out.member("name", file.name);
  out.member("kind", std::string(file.is_slice ? "slice file" : "block"));
  out.member("bytes", file.bytes);
  write(out, file.broken);
  if (file.is_slice) {
    out.member("file_id", std::to_string(file.file_id));
    out.member("slice", std::uint64_t{file.slice});
    out.member("slice_count", std::uint64_t{file.slice_count});
    out.member("version", file.version);
    out.member("footer_number", file.footer_number);
    out.member("footer_offset", file.footer_offset);
    out.member("footer_bytes", file.footer_bytes);
    out.member("torn_bytes", file.torn_bytes);
  }
  out.member("rows", file.rows);
  out.name("extents");
  out.open('[');
  for (const extent_facts& extent : file.extents) {
    out.open('{');
    out.member("offset", extent.offset);
    out.member("bytes", extent.bytes);
    out.member("blocks", extent.blocks);
    out.close('}');
  }
  out.close(']');
  out.name("columns");
  out.open('[');
  for (const column_facts& column : file.columns) {
    out.open('{');
    out.member("name", column.name);
    out.member("type", column.type);
    out.member("blocks", column.blocks);
    out.member("rows", column.rows);
    out.member("nulls", column.nulls);
    out.member("bytes", column.bytes);
    out.name("codecs");
    out.open('[');
    for (const std::string& codec : column.codecs) out.value(std::string_view(codec));
    out.close(']');
    write(out, column.bounds);
    out.close('}');
  }
  out.close(']');
  out.name("row_groups");
  out.open('[');
  for (const group_facts& group : file.groups) {
    out.open('{');
    out.member("id", group.id);
    out.member("rows", std::uint64_t{group.rows});
    out.name("blocks");
    out.open('[');
    for (const block_facts& block : group.blocks) write(out, block);
    out.close(']');
    out.close('}');
  }
  out.close(']');
  out.close('}');
}

}  // namespace

std::string to_json(const inspection& from) {
  json_writer out;
  out.open('{');
  out.member("kind", from.kind);
  out.member("path", from.path);
  out.member("whole", from.is_whole());
  out.name("files");
  out.open('[');
  for (const file_facts& file : from.files) write(out, file);
  out.close(']');
  out.close('}');
  return std::move(out).take();
}

}  // namespace inspect
