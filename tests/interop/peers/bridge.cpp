// SPDX-License-Identifier: Apache-2.0
// What the Python side of the tests loads: takes what another library exported, and exports it again.
#include <cstring>
#include <string>

#include "pillar/interop/arrow.hpp"
#include "pillar/interop/arrow_table.hpp"
#include "pillar/schedule/inline_executor.hpp"

namespace {

/// Bits of `how`: 0–1 form of texts, 2 decimal64, 3 flatten on the way in, 4 flatten on the way out, 5 no zone,
/// 6 padded bitmaps.
pillar::arrow_export_options export_options(int how, pillar::arrow_report& report) {
  pillar::arrow_export_options made;
  made.format.text = static_cast<pillar::arrow_text>(how & 3);
  made.format.decimal64 = (how & 4) != 0;
  made.flatten = (how & 16) != 0;
  made.format.utc = (how & 32) == 0;
  made.report = &report;
  return made;
}
pillar::arrow_import_options import_options(int how, pillar::arrow_report& report) {
  pillar::arrow_import_options made;
  made.flatten = (how & 8) != 0;
  made.padded_bitmaps = (how & 64) != 0;
  made.report = &report;
  return made;
}

/// The error, or how often something was copied: "column: reason" lines.
int answer(const absl::Status& status, const pillar::arrow_report& report, char* text, int size) {
  std::string said(status.message());
  if (!status.ok()) said += "\n";
  for (const auto& copy : report.copies) said += copy.column + ": " + copy.reason + "\n";
  for (const auto& note : report.notes) said += note + "\n";
  std::strncpy(text, said.c_str(), static_cast<std::size_t>(size) - 1);
  text[size - 1] = '\0';
  return status.ok() ? 0 : 1;
}

}  // namespace

extern "C" {

/// glibc's variable of this name is out of reach for code that was compiled for executables: this library's own says
/// that there may be other threads, which is always right.
char __libc_single_threaded = 0;  // NOLINT

__attribute__((visibility("default"))) int pillar_array(ArrowArray* array, ArrowSchema* schema, ArrowArray* out,
                                                        ArrowSchema* out_schema, int how, char* text, int size) {
  pillar::arrow_report report;
  const pillar::arrow_owner<ArrowSchema> described(schema);
  const auto made = import_arrow_column(array, *described.get(), import_options(how, report));
  if (!made.ok()) return answer(made.status(), report, text, size);
  return answer(export_arrow_column(*made, described->name == nullptr ? "" : described->name, out, out_schema,
                                    export_options(how, report)),
                report, text, size);
}

__attribute__((visibility("default"))) int pillar_stream(ArrowArrayStream* from, ArrowArrayStream* out, int how,
                                                         char* text, int size) {
  pillar::arrow_report report, later;
  auto reader = pillar::arrow_stream_reader::open(from, import_options(how, report));
  if (!reader.ok()) return answer(reader.status(), report, text, size);
  auto sets = reader->rest();
  if (!sets.ok()) return answer(sets.status(), report, text, size);
  auto options = export_options(how, later);
  options.report = nullptr;
  return answer(export_arrow_stream(*std::move(sets), reader->schema(), out, options), report, text, size);
}

__attribute__((visibility("default"))) int pillar_table(ArrowArrayStream* from, ArrowArrayStream* out, int how,
                                                        char* text, int size) {
  pillar::arrow_report report;
  auto reader = pillar::arrow_stream_reader::open(from, import_options(how, report));
  if (!reader.ok()) return answer(reader.status(), report, text, size);
  auto sets = reader->rest();
  if (!sets.ok()) return answer(sets.status(), report, text, size);
  pillar::table_options options;
  options.row_group_rows = 2048;
  pillar::table made(reader->schema(), options);
  pillar::inline_executor runner;
  if (auto done = made.append(*sets, runner); !done.ok()) return answer(done, report, text, size);
  auto how_out = export_options(how, report);
  how_out.report = nullptr;
  return answer(export_arrow_stream(made, out, how_out), report, text, size);
}

}  // extern "C"
