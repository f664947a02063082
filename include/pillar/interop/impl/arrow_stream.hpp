// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cerrno>
#include <string>
#include <utility>

#include "pillar/interop/arrow_stream.hpp"
#include "pillar/interop/impl/arrow_export.hpp"
#include "pillar/status.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// An exported stream: where its batches come from, and the kinds in which their columns leave.
struct exported_stream {
  dynamic_schema schema{};
  std::vector<vector_kind> kinds{};
  arrow_export_options options{};
  arrow_batch_source source{};
  std::string error{};

  absl::Status get_next(ArrowArray* out) {
    const auto rows = source();
    if (!rows.ok()) return rows.status();
    if (!rows->has_value()) return absl::OkStatus();
    return export_rows(**rows, kinds, options, out);
  }
};

inline int errno_of(const absl::Status& status) noexcept {
  switch (status.code()) {
    case absl::StatusCode::kOk: return 0;
    case absl::StatusCode::kResourceExhausted: return ENOMEM;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnavailable: return EIO;
    case absl::StatusCode::kUnimplemented: return ENOTSUP;
    default: return EINVAL;
  }
}
inline int stream_answer(exported_stream& stream, const absl::Status& status) {
  stream.error = std::string(status.message());
  return errno_of(status);
}
inline exported_stream& stream_of(ArrowArrayStream* stream) noexcept {
  return *static_cast<exported_stream*>(stream->private_data);
}
inline int exported_stream_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  exported_stream& of = stream_of(stream);
  out->release = nullptr;
  return stream_answer(of, describe_rows(of.schema, of.kinds, of.options.format, out));
}
inline int exported_stream_next(ArrowArrayStream* stream, ArrowArray* out) {
  out->release = nullptr;
  return stream_answer(stream_of(stream), stream_of(stream).get_next(out));
}
inline const char* exported_stream_error(ArrowArrayStream* stream) noexcept {
  const exported_stream& of = stream_of(stream);
  return of.error.empty() ? nullptr : of.error.c_str();
}
inline void release_exported_stream(ArrowArrayStream* stream) noexcept {
  delete static_cast<exported_stream*>(stream->private_data);
  stream->release = nullptr;
}
inline void finish_stream(std::unique_ptr<exported_stream> held, ArrowArrayStream* out) {
  out->get_schema = exported_stream_schema;
  out->get_next = exported_stream_next;
  out->get_last_error = exported_stream_error;
  out->release = release_exported_stream;
  out->private_data = held.release();
}

}  // namespace detail

PILLAR_API absl::Status export_arrow_stream(arrow_batch_source source, const dynamic_schema& schema,
                                            ArrowArrayStream* out, const arrow_export_options& options) {
  auto held = std::make_unique<detail::exported_stream>();
  held->kinds.assign(schema.size(), vector_kind::flat);
  held->schema = schema;
  held->options = options;
  held->source = std::move(source);
  detail::finish_stream(std::move(held), out);
  return absl::OkStatus();
}

PILLAR_API absl::Status export_arrow_stream(std::vector<column_set> batches, const dynamic_schema& schema,
                                            ArrowArrayStream* out, const arrow_export_options& options) {
  out->release = nullptr;
  auto held = std::make_unique<detail::exported_stream>();
  held->kinds.assign(schema.size(), vector_kind::flat);
  for (std::size_t b = 0; b < batches.size(); ++b) {
    if (batches[b].schema != schema)
      return make_status(absl::StatusCode::kInvalidArgument, "batch " + std::to_string(b) + " has another schema");
    for (std::size_t c = 0; c < schema.size(); ++c) {
      const vector_kind kind = detail::kind_of_export(batches[b].columns[c], options.flatten);
      held->kinds[c] = b == 0 || held->kinds[c] == kind ? kind : vector_kind::flat;
    }
  }
  held->schema = schema;
  held->options = options;
  held->source = [left = std::move(batches),
                  next = std::size_t{0}]() mutable -> absl::StatusOr<std::optional<column_set>> {
    if (next == left.size()) return std::optional<column_set>();
    return std::optional(std::exchange(left[next++], column_set()));
  };
  detail::finish_stream(std::move(held), out);
  return absl::OkStatus();
}

PILLAR_API absl::StatusOr<arrow_stream_reader> arrow_stream_reader::open(ArrowArrayStream* from,
                                                                         const arrow_import_options& options,
                                                                         std::optional<dynamic_schema> expected) {
  arrow_stream_reader made;
  made.stream_ = arrow_owner<ArrowArrayStream>(from);
  if (!made.stream_) return make_status(absl::StatusCode::kInvalidArgument, "the stream was released");
  made.options_ = options;
  made.expected_ = std::move(expected);
  if (auto told = made.check(made.stream_->get_schema(made.stream_.get(), made.arrow_schema_.get())); !told.ok())
    return told;
  absl::StatusOr<dynamic_schema> schema = import_arrow_schema(*made.arrow_schema_.get());
  if (made.expected_) made.schema_ = *made.expected_;
  else if (!schema.ok()) return schema.status();
  else made.schema_ = *std::move(schema);
  return made;
}

/// What a stream's callback answered, as a status.
inline absl::Status arrow_stream_reader::check(int answer) {
  if (answer == 0) return absl::OkStatus();
  const char* said = stream_->get_last_error == nullptr ? nullptr : stream_->get_last_error(stream_.get());
  const absl::StatusCode code = answer == EINVAL   ? absl::StatusCode::kInvalidArgument
                                : answer == ENOMEM ? absl::StatusCode::kResourceExhausted
                                                   : absl::StatusCode::kUnavailable;
  return make_status(code, said == nullptr ? "the stream failed with error " + std::to_string(answer)
                                           : "the stream failed: " + std::string(said));
}

PILLAR_API absl::StatusOr<std::optional<column_set>> arrow_stream_reader::next() {
  if (!stream_) return std::optional<column_set>();
  arrow_owner<ArrowArray> array;
  if (auto told = check(stream_->get_next(stream_.get(), array.get())); !told.ok()) {
    stream_.reset();
    return told;
  }
  if (!array) {
    stream_.reset();
    return std::optional<column_set>();
  }
  auto rows = import_arrow(array.get(), *arrow_schema_.get(), options_, expected_ ? &*expected_ : nullptr);
  if (!rows.ok()) {
    stream_.reset();
    return rows.status();
  }
  return std::optional(*std::move(rows));
}

PILLAR_API absl::StatusOr<std::vector<column_set>> arrow_stream_reader::rest() {
  std::vector<column_set> made;
  for (;;) {
    auto rows = next();
    if (!rows.ok()) return rows.status();
    if (!rows->has_value()) return made;
    made.push_back(**std::move(rows));
  }
}

PILLAR_API absl::StatusOr<std::vector<column_set>> read_arrow_stream(ArrowArrayStream* from,
                                                                     const arrow_import_options& options) {
  auto reader = arrow_stream_reader::open(from, options);
  if (!reader.ok()) return reader.status();
  return reader->rest();
}

}  // namespace PILLAR_NAMESPACE
