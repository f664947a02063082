// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <csv.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "pillar/base/mutant.hpp"
#include "pillar/column/parse.hpp"
#include "pillar/column/scalar.hpp"
#include "pillar/interop/csv.hpp"
#include "pillar/status.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
/// A piece of a file fit for a message.
inline std::string csv_excerpt(std::string_view text) {
  constexpr std::size_t longest = 100;
  constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) out += c;
    else (out += "\\x") += {hex[byte >> 4], hex[byte & 15]};
  }
  return text.size() > longest ? out + "..." : out;
}

/// One load: libcsv calls back per field and per row; the fields of the current row are already in the builders and are
/// taken back if the row turns out not to fit.
class csv_loader {
 public:
  csv_loader(const csv_options& options, const csv_sink* sink) noexcept
      : options_(options), sink_(sink), builder_(options.schema, options.budget) {}
  csv_loader(const csv_loader&) = delete;
  csv_loader& operator=(const csv_loader&) = delete;
  ~csv_loader() {
    if (parser_made_) csv_free(&parser_);
  }

  absl::Status start();
  absl::Status feed(std::string_view text);
  absl::Status end();
  [[nodiscard]] column_set_builder& builder() noexcept { return builder_; }
  [[nodiscard]] std::vector<csv_error>& errors() noexcept { return errors_; }

 private:
  static constexpr std::int32_t ignored = -1;

  static void on_field(void* text, std::size_t size, void* self) {
    static_cast<csv_loader*>(self)->take_field({static_cast<const char*>(text), size});
  }
  static void on_row(int terminator, void* self) { static_cast<csv_loader*>(self)->take_row(terminator); }
  static int is_space(unsigned char) { return 0; }  // spaces belong to the text

  void take_field(std::string_view field);
  void take_row(int terminator);
  void take_value(std::uint32_t column, std::string_view field);
  void end_header();
  void end_row();
  void flush();
  void stop_at_long_field();
  [[nodiscard]] bool means_null(std::string_view field) const noexcept;
  [[nodiscard]] std::string field_name(std::size_t index) const;
  void count_lines(std::string_view field) noexcept;
  void refuse(std::string_view column, std::string_view text, std::string reason);
  void stop(absl::Status why) {
    if (stopped_.ok()) stopped_ = std::move(why);
  }

  const csv_options& options_;
  const csv_sink* sink_;
  column_set_builder builder_;
  csv_parser parser_{};
  bool parser_made_ = false;
  absl::Status stopped_{};
  bool in_header_ = true;
  std::vector<std::string> names_{};       ///< the header's fields
  std::vector<std::int32_t> column_of_{};  ///< schema column of each field, or `ignored`
  std::vector<csv_error> errors_{};
  std::uint64_t line_ = 1;        ///< of the next character
  std::uint64_t row_line_ = 1;    ///< where the current row starts
  std::size_t field_count_ = 0;   ///< fields of the current row so far
  std::uint64_t whole_rows_ = 0;  ///< rows in the builders; those of the current row come after them
  bool row_refused_ = false;
  bool after_carriage_return_ = false;
};

inline absl::Status csv_loader::start() {
  if (options_.schema.size() == 0) return make_status(absl::StatusCode::kInvalidArgument, "the schema has no columns");
  for (std::size_t i = 0; i < options_.schema.size(); ++i) {
    if (*options_.schema.find(options_.schema[i].name) != i) {
      return make_status(absl::StatusCode::kInvalidArgument,
                         "the schema names '" + options_.schema[i].name + "' twice");
    }
  }
  const char d = options_.delimiter;
  if (d == '"' || d == '\n' || d == '\r' || options_.chunk_rows == 0) {
    return make_status(absl::StatusCode::kInvalidArgument, "the delimiter or chunk_rows cannot be used");
  }
  if (!options_.header) {
    for (std::size_t i = 0; i < options_.schema.size(); ++i) column_of_.push_back(static_cast<std::int32_t>(i));
    in_header_ = false;
  }
  csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL);
  parser_made_ = true;
  csv_set_delim(&parser_, static_cast<unsigned char>(d));
  csv_set_space_func(&parser_, &is_space);
  return absl::OkStatus();
}

inline absl::Status csv_loader::feed(std::string_view text) {
  if (csv_parse(&parser_, text.data(), text.size(), &on_field, &on_row, this) != text.size()) {
    if (::csv_error(&parser_) != CSV_EPARSE)
      stop(make_status(absl::StatusCode::kResourceExhausted, "libcsv: no memory"));
    else
      stop(make_status(absl::StatusCode::kInvalidArgument,
                       "line " + std::to_string(row_line_) + ", column '" + field_name(field_count_) +
                           "': a quote is neither doubled nor next to a delimiter, after '" +
                           csv_excerpt({reinterpret_cast<const char*>(parser_.entry_buf), parser_.entry_pos}) + "'"));
  }
  // Every field longer than the limit is refused, whether its end has been seen or not.
  if (parser_.entry_pos > options_.max_field_bytes + 1) stop_at_long_field();
  return stopped_;
}

inline absl::Status csv_loader::end() {
  if (csv_fini(&parser_, &on_field, &on_row, this) != 0) {
    stop(make_status(absl::StatusCode::kInvalidArgument, "line " + std::to_string(row_line_) + ", column '" +
                                                             field_name(field_count_) +
                                                             "': a quote that opens here is never closed"));
  }
  if (stopped_.ok() && in_header_) stop(make_status(absl::StatusCode::kInvalidArgument, "there is no header line"));
  if (stopped_.ok() && sink_ != nullptr && whole_rows_ != 0) flush();
  return stopped_;
}

inline std::string csv_loader::field_name(std::size_t index) const {
  if (index < names_.size()) return names_[index];
  if (!options_.header && index < options_.schema.size()) return options_.schema[index].name;
  return "#" + std::to_string(index + 1);
}

inline bool csv_loader::means_null(std::string_view field) const noexcept {
  for (const std::string& text : options_.null_texts) {
    if (field == text) return true;
  }
  return false;
}

/// A line inside quotes ends with LF, CRLF or CR, as outside.
inline void csv_loader::count_lines(std::string_view field) noexcept {
  if (field.empty()) return;
  if (std::memchr(field.data(), '\n', field.size()) == nullptr &&
      std::memchr(field.data(), '\r', field.size()) == nullptr) {
    return;
  }
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool ends = field[i] == '\n' || (field[i] == '\r' && (i + 1 == field.size() || field[i + 1] != '\n'));
    line_ += PILLAR_MUTATE(csv_quoted_newlines_uncounted, ends, false) ? 1 : 0;
  }
}

/// Gives up the current row: one error per row.
inline void csv_loader::refuse(std::string_view column, std::string_view text, std::string reason) {
  if (row_refused_) return;
  row_refused_ = true;
  struct csv_error error {
    row_line_, std::string(column), csv_excerpt(text), std::move(reason)
  };
  if (options_.policy == csv_policy::fail) {
    stop(make_status(absl::StatusCode::kInvalidArgument, to_string(error)));
  } else if (errors_.size() == options_.max_errors) {
    stop(make_status(absl::StatusCode::kInvalidArgument,
                     "more than " + std::to_string(options_.max_errors) +
                         " rows do not parse; the first: " + to_string(errors_.empty() ? error : errors_.front())));
  } else {
    errors_.push_back(std::move(error));
  }
}

inline void csv_loader::stop_at_long_field() {
  stop(make_status(absl::StatusCode::kInvalidArgument, "line " + std::to_string(row_line_) + ", column '" +
                                                           field_name(field_count_) + "': a field is longer than " +
                                                           std::to_string(options_.max_field_bytes) + " bytes"));
}

inline void csv_loader::take_field(std::string_view field) {
  if (!stopped_.ok()) return;
  if (field.size() > options_.max_field_bytes) return stop_at_long_field();
  after_carriage_return_ = false;
  count_lines(field);
  if (in_header_) {
    names_.emplace_back(field);
  } else if (field_count_ < column_of_.size() && !row_refused_) {
    const std::int32_t column = column_of_[field_count_];
    if (column != ignored) take_value(static_cast<std::uint32_t>(column), field);
  }
  ++field_count_;
}

inline void csv_loader::take_value(std::uint32_t column, std::string_view field) {
  column_builder& to = builder_.column_at(column);
  const data_type& type = to.type();
  result<void> done;
  if (type.nullable && means_null(field)) {
    done = to.append_null();
  } else if (type.physical == physical_type::text) {
    done = to.append_text(field);
  } else if (is_float(type.physical)) {
    const auto value = parse_real(field, type);
    done = value.ok() ? to.append_real(*value) : result<void>(value.error());
  } else {
    const auto value = parse_integer(field, type);
    done = value.ok() ? to.append_integer(*value) : result<void>(value.error());
  }
  if (done.ok()) return;
  if (done.error().code == errc::parse_error) {
    refuse(options_.schema[column].name, field, "is not a value of type " + to_string(type.as_nullable(false)));
  } else if (done.error().code == errc::overflow) {
    refuse(options_.schema[column].name, field, "does not fit into " + to_string(type.as_nullable(false)));
  } else {
    stop(to_status(failure{done.error().code, 0},
                   "line " + std::to_string(row_line_) + ", column '" + options_.schema[column].name + "'"));
  }
}

inline void csv_loader::take_row(int terminator) {
  if (!stopped_.ok()) return;
  const bool blank = field_count_ == 0;
  if (blank && terminator == '\n' && after_carriage_return_) {
    after_carriage_return_ = false;  // the second half of CRLF
    return;
  }
  if (!blank) {
    if (in_header_) end_header();
    else end_row();
  }
  ++line_;
  row_line_ = line_;
  field_count_ = 0;
  row_refused_ = false;
  after_carriage_return_ = terminator == '\r';
}

inline void csv_loader::end_header() {
  in_header_ = false;
  column_of_.assign(names_.size(), ignored);
  for (std::size_t c = 0; c < options_.schema.size(); ++c) {
    const std::string& name = options_.schema[c].name;
    bool found = false;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] != name) continue;
      if (found) {
        return stop(make_status(absl::StatusCode::kInvalidArgument, "the header names '" + name + "' twice"));
      }
      found = true;
      column_of_[i] = static_cast<std::int32_t>(c);
    }
    if (found) continue;
    std::string message = "no column '" + name + "' in the header:";
    for (std::size_t i = 0; i < names_.size() && i < 100; ++i)
      message += (i == 0 ? " " : ", ") + csv_excerpt(names_[i]);
    return stop(make_status(absl::StatusCode::kInvalidArgument, message));
  }
}

inline void csv_loader::end_row() {
  if (field_count_ != column_of_.size()) {
    refuse("", "",
           std::to_string(field_count_) + " fields where " + std::to_string(column_of_.size()) + " were expected");
  }
  if (row_refused_) {
    if (PILLAR_MUTATE(csv_half_rows_stay, true, false)) builder_.truncate(whole_rows_);
    return;
  }
  ++whole_rows_;
  if (sink_ != nullptr && whole_rows_ == options_.chunk_rows) flush();
}

inline void csv_loader::flush() {
  auto chunk = builder_.finish();
  if (!chunk.ok()) return stop(to_status(chunk.error(), "csv"));
  whole_rows_ = 0;
  stop((*sink_)(*std::move(chunk)));
}

struct csv_file_closer {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

/// Feeds a source to a loader, piece by piece. `read(piece)` gives 0 at the end.
template <class Read>
absl::Status csv_load(csv_loader& loader, const csv_progress& progress, std::uint64_t byte_count, const Read& read) {
  if (auto status = loader.start(); !status.ok()) return status;
  std::uint64_t done = 0;
  for (;;) {
    absl::StatusOr<std::string_view> piece = read();
    if (!piece.ok()) return piece.status();
    if (piece->empty()) break;
    std::string_view text = *piece;
    if (done == 0 && text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
    done += piece->size();
    if (auto status = loader.feed(text); !status.ok()) return status;
    if (progress && !progress(done, byte_count)) {
      return make_status(absl::StatusCode::kCancelled, "reading was cancelled");
    }
  }
  return loader.end();
}

inline absl::Status csv_load_file(csv_loader& loader, const std::string& path, const csv_progress& progress) {
  constexpr std::size_t piece_bytes = 256 * 1024;
  const std::unique_ptr<std::FILE, csv_file_closer> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return make_status(errno == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kUnavailable,
                       path + ": " + std::strerror(errno));
  }
  std::uint64_t byte_count = 0;
  if (std::fseek(file.get(), 0, SEEK_END) == 0) {
    const long size = std::ftell(file.get());
    byte_count = size > 0 ? static_cast<std::uint64_t>(size) : 0;
    std::rewind(file.get());
  }
  const auto piece = std::make_unique<char[]>(piece_bytes);
  return csv_load(loader, progress, byte_count, [&]() -> absl::StatusOr<std::string_view> {
    const std::size_t got = std::fread(piece.get(), 1, piece_bytes, file.get());
    if (got == 0 && std::ferror(file.get()) != 0) {
      return make_status(absl::StatusCode::kUnavailable, path + ": " + std::strerror(errno));
    }
    return std::string_view(piece.get(), got);
  });
}

inline absl::Status csv_load_from(csv_loader& loader, readable_file_ref file, const csv_progress& progress) {
  constexpr std::uint64_t piece_bytes = 256 * 1024;
  const auto size = file.size();
  if (!size.ok()) return to_status(size.error(), "csv");
  std::uint64_t done = 0;
  const auto piece = std::make_unique<std::byte[]>(piece_bytes);
  return csv_load(loader, progress, *size, [&]() -> absl::StatusOr<std::string_view> {
    const std::size_t count = *size - done < piece_bytes ? *size - done : piece_bytes;
    if (count == 0) return std::string_view();
    PILLAR_TRY_STATUS("csv", file.read_at(done, {piece.get(), count}));
    done += count;
    return std::string_view(reinterpret_cast<const char*>(piece.get()), count);
  });
}

inline absl::Status csv_load_text(csv_loader& loader, std::span<const char> text, const csv_progress& progress) {
  constexpr std::size_t piece_bytes = 256 * 1024;
  std::string_view rest(text.data(), text.size());
  return csv_load(loader, progress, rest.size(), [&]() -> absl::StatusOr<std::string_view> {
    const std::string_view piece = rest.substr(0, piece_bytes);
    rest.remove_prefix(piece.size());
    return piece;
  });
}

inline absl::StatusOr<csv_result> csv_finish(csv_loader& loader, absl::Status status) {
  if (!status.ok()) return status;
  auto rows = loader.builder().finish();
  if (!rows.ok()) return to_status(rows.error(), "csv");
  return csv_result{*std::move(rows), std::move(loader.errors())};
}
}  // namespace detail

PILLAR_API std::string to_string(const csv_error& error) {
  std::string out = "line " + std::to_string(error.line);
  if (error.column.empty()) return out + ": " + error.reason;
  return out + ", column '" + error.column + "': '" + error.text + "' " + error.reason;
}

PILLAR_API absl::StatusOr<csv_result> read_csv_file(const std::string& path, const csv_options& options,
                                                    const csv_progress& progress) {
  detail::csv_loader loader(options, nullptr);
  return detail::csv_finish(loader, detail::csv_load_file(loader, path, progress));
}

PILLAR_API absl::StatusOr<csv_result> read_csv(readable_file_ref file, const csv_options& options,
                                               const csv_progress& progress) {
  detail::csv_loader loader(options, nullptr);
  return detail::csv_finish(loader, detail::csv_load_from(loader, file, progress));
}

PILLAR_API absl::StatusOr<csv_result> read_csv_text(std::span<const char> text, const csv_options& options,
                                                    const csv_progress& progress) {
  detail::csv_loader loader(options, nullptr);
  return detail::csv_finish(loader, detail::csv_load_text(loader, text, progress));
}

PILLAR_API absl::StatusOr<std::vector<csv_error>> read_csv_file_in_chunks(const std::string& path,
                                                                          const csv_options& options,
                                                                          const csv_sink& sink,
                                                                          const csv_progress& progress) {
  detail::csv_loader loader(options, &sink);
  if (auto status = detail::csv_load_file(loader, path, progress); !status.ok()) return status;
  return std::move(loader.errors());
}

PILLAR_API absl::StatusOr<std::vector<csv_error>> read_csv_text_in_chunks(std::span<const char> text,
                                                                          const csv_options& options,
                                                                          const csv_sink& sink,
                                                                          const csv_progress& progress) {
  detail::csv_loader loader(options, &sink);
  if (auto status = detail::csv_load_text(loader, text, progress); !status.ok()) return status;
  return std::move(loader.errors());
}

}  // namespace PILLAR_NAMESPACE
