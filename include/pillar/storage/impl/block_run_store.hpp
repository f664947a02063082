// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::equal, std::min
#include <cstring>    // std::memcmp, std::memcpy
#include <new>        // placement new
#include <utility>

#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/text_symbols.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/encoded.hpp"  // vector_scratch
#include "pillar/storage/block.hpp"
#include "pillar/storage/block_run_store.hpp"
#include "pillar/storage/detail/block_format.hpp"
#include "pillar/storage/detail/narrow_integers.hpp"
#include "pillar/storage/detail/packed_texts.hpp"
#include "pillar/storage/detail/text_list.hpp"
#include "pillar/storage/detail/value_list.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
/// A column of texts is encoded as such once in so many blocks, to see what that would take.
inline constexpr std::uint32_t blocks_of_packed_texts = 64;
/// Rows that a builder has room for at once.
inline constexpr std::uint32_t roomy_rows = vector_rows + vector_rows / 8;
/// What the directory has for a block of numbers in the column's list of texts.
inline constexpr std::uint32_t packed_as_list = (1u << 24) - 1;
/// Of a run: as many as the directory has numbers for.
inline constexpr std::size_t most_packings = packed_as_list - 1;
/// Values that the list of one column may have, of so many columns that have one: by 12 bytes each they take a quarter of
/// the write buffers' bytes at most, and all together no more than there are.
inline std::uint64_t most_listed_values(std::uint64_t buffer_bytes, std::uint64_t column_count) noexcept {
  const bool few = PILLAR_MUTATE(value_lists_of_any_columns, column_count < 4, true);
  return buffer_bytes / value_list::bytes_of_value / (few ? 4 : column_count);
}

/// Of one column of texts: tables of symbols that its blocks share, and what they may take.
inline constexpr std::uint32_t most_shared_tables = 15;
inline constexpr std::uint64_t most_shared_table_bytes = 96u << 10;

/// Texts of the first blocks, from which symbols are found once more: those of a small block do not show which of many
/// symbols are worth their place.
struct text_sample {
  static constexpr std::uint32_t wanted_texts = 4096;
  static constexpr std::uint64_t wanted_bytes = 128u << 10;  ///< of the characters of texts that are not short
  growable<text_slot> slots{};
  growable<std::byte> characters{};
  std::uint64_t row_count = 0;  ///< among which the texts were, with NULLs
  bool is_over = false;         ///< it was used, or there was no memory for it

  /// True: it is large enough now.
  bool add(std::span<const vector> vectors, memory_budget* budget) noexcept {
    bool is_enough = false;
    if (characters.byte_count() == 0) {
      slots = growable<text_slot>(budget), characters = growable<std::byte>(budget);
      // It stays from block to block, and memory may be needed for other things.
      is_over = (budget != nullptr && budget->available() / 8 < wanted_bytes) ||
                !characters.reserve(wanted_bytes).ok() || !slots.reserve(wanted_texts).ok();
    }
    for (const vector& values : vectors) {
      const std::uint64_t before = row_count;
      for_each_valid_row(values, [&](std::uint32_t row) {
        const std::string_view text = values.text_value(row);
        const std::uint64_t room = wanted_bytes - characters.size();
        is_enough = is_enough || slots.size() == wanted_texts || room < wanted_bytes / 8;
        if (is_over || is_enough || text.size() > room) return;  // one that is too large says less than many others
        row_count = before + row + 1;
        slots.push(text_slot::make(text, 0, static_cast<std::uint32_t>(characters.size())));
        if (text.size() > text_slot::inline_capacity)
          is_over = !characters.append(reinterpret_cast<const std::byte*>(text.data()), text.size()).ok();
      });
      if (!is_enough) row_count = before + values.size;
    }
    // Where there are hardly any texts, or all are very large, it does not wait for more for ever.
    is_enough = is_enough || row_count >= block_max_rows;
    if (is_enough && slots.empty()) is_over = true;
    return is_enough && !is_over;
  }
};

/// Where a block's data begins, by its header and its size; 0: nowhere.
inline std::uint64_t data_begin(std::span<const std::byte> header_bytes, std::uint64_t block_bytes) noexcept {
  if (header_bytes.size() < sizeof(block_header)) return 0;
  const auto header = load_unaligned<block_header>(header_bytes.data());
  const block_layout behind(0, header.stored_bytes, header.validity_bytes);
  return behind.end > block_bytes ? 0 : sizeof(block_header) + (block_bytes - behind.end);
}

/// The symbols of a block of texts as they are stored: the first bytes of its data. Empty: it has none.
inline std::span<const std::byte> symbols_of(std::span<const std::byte> block) noexcept {
  const auto header = load_unaligned<block_header>(block.data());
  if (header.codec != static_cast<std::uint8_t>(codec_id::text_symbols) || header.transform != 0) return {};
  return block.subspan(data_begin(block, block.size()), header.shared_bytes);
}

/// The checksum that a block names as its own.
inline std::uint64_t named_checksum(std::span<const std::byte> block) noexcept {
  PILLAR_ASSERT(block.size() >= sizeof(block_header));
  return load_unaligned<block_header>(block.data()).checksum;
}
}  // namespace detail

/// Of a column of texts: what it takes as such, and how often it was written as integers since that was seen; the list
/// of texts that stands for blocks of numbers, and the tables of symbols that blocks do without.
struct block_run_store::text_choice {
  encoding_choice packed{};
  std::uint64_t bytes = 0;
  std::uint32_t row_count = 0;  ///< 0: not seen yet
  std::uint32_t packed_blocks = 0;
  encoding_choice listed{};
  detail::text_list list{};
  buffer tables[detail::most_shared_tables]{};  ///< of symbols, which blocks do without; a block's number is one more
  std::uint64_t table_bytes = 0;
  bool shares_tables = true;  ///< until another has no room
  detail::text_sample sample{};

  /// The number of the table with these bytes, which is kept from now on if it was not known. 0: there is no room.
  std::uint32_t number_of(std::span<const std::byte> table, memory_budget* budget) noexcept {
    std::uint32_t number = 0;
    for (; number < detail::most_shared_tables && !tables[number].empty(); ++number)
      if (PILLAR_MUTATE(run_store_shares_any_table,
                        tables[number].size() == table.size() &&
                            std::memcmp(tables[number].data(), table.data(), table.size()) == 0,
                        true))
        return number + 1;
    shares_tables =
        number < detail::most_shared_tables && table_bytes + table.size() <= detail::most_shared_table_bytes;
    if (!shares_tables) return 0;
    // It stays, and memory may be needed for other things.
    if (budget != nullptr && table.size() > budget->available() / 8) return 0;
    auto made = buffer::allocate(table.size(), budget);
    if (!made.ok()) return 0;
    std::memcpy(made->data(), table.data(), table.size());
    table_bytes += table.size();
    tables[number] = *std::move(made);
    return number + 1;
  }
};

/// What runs of the same columns have in common: one is like the next, so they share the trees that were chosen last.
struct block_run_store::run_shape {
  std::vector<data_type> types{};
  std::vector<encoding_choice> choices{};
  std::vector<text_choice> texts{};                 ///< by column, if one is of texts
  std::vector<detail::narrow_integers> integers{};  ///< by column
  std::vector<detail::value_list> lists{};          ///< by column: values that all runs' rows have as numbers

  [[nodiscard]] data_type kept_type(std::size_t column) const noexcept {
    if (!texts.empty() && texts[column].list.form == detail::text_list::form_type::listed)
      return detail::text_list::number_type(types[column]);
    return integers[column].kept_type(types[column]);
  }
  /// In the write buffers, of texts their slots.
  [[nodiscard]] std::uint64_t row_bytes() const noexcept {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < types.size(); ++i) bytes += byte_width(kept_type(i).physical);
    return bytes;
  }
};

struct block_run_store::stored_run {
  /// A block as the directory knows it. Blocks of the same rows follow one another, one per column.
  struct stored_block {
    std::uint64_t place = 0;
    std::uint64_t bytes : 36 = 0;
    std::uint64_t table : 4 = 0;     ///< number of the column's table that stands elsewhere; 0: none does
    std::uint64_t packing : 24 = 0;  ///< number of texts' bits + 1, or packed_as_list; 0: of the column's type
    std::uint64_t checksum = 0;
  };
  run_shape* shape;
  std::vector<column_builder> builders{};  ///< none once it is sealed
  growable<stored_block> blocks;
  growable<detail::text_bits> packings;  ///< blocks that follow one another share them
  growable<std::uint32_t> rows_of_groups;
  memory_budget* budget;
  std::uint64_t own_bytes = 0;  ///< counted for what stands here
  failure failed{};
  failure refused{};  ///< what seal() said last

  /// Rows that left the builders.
  struct closed_rows {
    std::vector<column> columns{};
    std::uint32_t row_count = 0;  ///< of each; whole vectors, but for what ends a block
  };
  std::vector<closed_rows> whole{};  ///< vectors that wait for more of them
  // A block in the making: of `closed`, the first `encoded` columns are blocks and gone. More than a moment it stays only
  // where memory for encoding is refused.
  std::vector<closed_rows> closed{};
  std::size_t encoded = 0;

  stored_run(run_shape* of, memory_budget* from) noexcept
      : shape(of), blocks(from), packings(from), rows_of_groups(from), budget(from) {}
  stored_run(const stored_run&) = delete;
  stored_run& operator=(const stored_run&) = delete;
  ~stored_run() {
    if (budget != nullptr) budget->release(own_bytes);
  }
  [[nodiscard]] static std::uint64_t rows_of(const std::vector<closed_rows>& parts) noexcept {
    std::uint64_t rows = 0;
    for (const closed_rows& part : parts) rows += part.row_count;
    return rows;
  }
  /// In the builders.
  [[nodiscard]] std::uint64_t open_rows() const noexcept { return builders.empty() ? 0 : builders.front().size(); }
  [[nodiscard]] std::uint64_t held_rows() const noexcept { return open_rows() + rows_of(whole) + rows_of(closed); }
};

PILLAR_API block_run_store::block_run_store(const run_store_options& options)
    : options_(options),
      kernels_(&packed_kernels_for(best_arch_level())),
      buffered_(options.buffer_bytes, options.budget),
      runs_(options.budget) {
  PILLAR_ASSERT(options.block_rows % vector_rows == 0 && options.block_rows > 0 &&
                options.block_rows <= block_max_rows);
}
PILLAR_API block_run_store::~block_run_store() {
  for (std::size_t i = 0; i < runs_.size(); ++i) delete runs_[i];
  if (options_.budget != nullptr) options_.budget->release(shape_bytes_);
}

inline block_run_store::stored_run& block_run_store::run_of(std::uint32_t number) const noexcept {
  PILLAR_ASSERT(number - first_run_ < runs_.size() && runs_[number - first_run_] != nullptr);
  return *runs_[number - first_run_];
}

PILLAR_API result<std::uint32_t> block_run_store::open(std::span<const data_type> types) {
  if (types.empty()) return errc::invalid_argument;
  PILLAR_TRY(runs_.reserve(1));
  run_shape* shape = nullptr;
  for (const auto& known : shapes_)
    if (std::equal(types.begin(), types.end(), known->types.begin(), known->types.end())) shape = known.get();
  bool has_texts = false;
  for (const data_type& type : types) has_texts = has_texts || type.physical == physical_type::text;
  const std::uint64_t shape_bytes =
      shape != nullptr ? 0
                       : sizeof(run_shape) +
                             types.size() * (sizeof(data_type) + sizeof(encoding_choice) +
                                             sizeof(detail::narrow_integers) + sizeof(detail::value_list)) +
                             (has_texts ? types.size() * sizeof(text_choice) : 0);
  const std::uint64_t own_bytes = sizeof(stored_run) + types.size() * sizeof(column_builder);
  if (options_.budget != nullptr) PILLAR_TRY(options_.budget->reserve(own_bytes + shape_bytes));
  if (shape == nullptr) {
    shape_bytes_ += shape_bytes;
    shapes_.push_back(std::make_unique<run_shape>());
    shape = shapes_.back().get();
    shape->types.assign(types.begin(), types.end());
    shape->choices.resize(types.size());
    if (has_texts) shape->texts.resize(types.size());
    shape->integers.resize(types.size());
    shape->lists.reserve(types.size());
    std::uint64_t list_count = 0;
    for (const data_type& type : types) list_count += detail::narrow_integers::takes(type) ? 1 : 0;
    const std::uint64_t most_values = detail::most_listed_values(options_.buffer_bytes, list_count);
    for (std::size_t i = 0; i < types.size(); ++i) shape->lists.emplace_back(most_values, options_.budget);
  }
  auto made = std::make_unique<stored_run>(shape, options_.budget);
  made->own_bytes = own_bytes;
  made->builders.reserve(types.size());
  const auto number = static_cast<std::uint32_t>(first_run_ + runs_.size());
  for (const data_type& type : types) made->builders.emplace_back(type, &buffered_, number);
  runs_.push(made.release());
  ++run_count_;
  return number;
}

/// All columns or none. False: none, since a value does not fit the form of those before; what comes next has another.
inline result<bool> block_run_store::append_columns(stored_run& run, std::span<const vector* const> columns,
                                                    const selection_mask* rows, std::uint32_t row_count,
                                                    std::uint32_t count) {
  using form_type = detail::narrow_integers::form_type;
  run_shape& shape = *run.shape;
  const std::uint64_t before = run.open_rows();
  // Vectors that wait are of the builders' types, since a block is of one type, whatever another run has made of the
  // shape meanwhile.
  const bool is_free = PILLAR_MUTATE(run_store_mixes_forms, before == 0 && run.whole.empty(), before == 0);
  for (std::size_t i = 0; is_free && i < run.builders.size(); ++i) {
    detail::narrow_integers& integers = shape.integers[i];
    const bool takes = detail::narrow_integers::takes(shape.types[i]) && same_values(columns[i]->type, shape.types[i]);
    if (integers.form == form_type::unknown && takes) integers.choose(*columns[i], rows, count);
    if (shape.types[i].physical == physical_type::text && same_values(columns[i]->type, shape.types[i]))
      shape.texts[i].list.choose(*columns[i], rows);
    if (const data_type kept = shape.kept_type(i); !(run.builders[i].type() == kept))
      run.builders[i] = column_builder(kept, &buffered_, static_cast<unsigned>(i));
  }
  if (before == 0 && is_roomy(run))
    for (column_builder& builder : run.builders) static_cast<void>(builder.reserve(detail::roomy_rows));
  const auto append_one = [&](std::size_t i) -> result<bool> {
    PILLAR_ASSERT(columns[i]->size == row_count);
    column_builder& builder = run.builders[i];
    if (builder.type() == shape.types[i]) {
      PILLAR_TRY(builder.append(*columns[i], rows));
      return true;
    }
    if (!same_values(columns[i]->type, shape.types[i])) return {errc::type_mismatch, before};
    if (shape.types[i].physical == physical_type::text) {
      detail::listed_texts listed;
      if (!shape.texts[i].list.number(*columns[i], rows, count, options_.budget, listed)) return false;
      PILLAR_TRY(builder.append(listed.view(shape.types[i], count)));
      return true;
    }
    detail::narrow_integers& integers = shape.integers[i];
    // Another run may have left this form before.
    const auto leave = [&](form_type left, form_type next) {
      if (integers.form != left) return false;
      integers.form = next;
      shape.choices[i] = encoding_choice();
      return false;
    };
    if (builder.type() == detail::narrow_integers::listed_type(shape.types[i])) {
      detail::listed_values listed;
      if (!listed.fill(*columns[i], rows, count, shape.lists[i])) return leave(form_type::listed, form_type::wide);
      PILLAR_TRY(builder.append(listed.view(shape.types[i], count)));
      return true;
    }
    detail::narrow_values narrow;
    if (!narrow.fill(*columns[i], rows, count, integers.base)) return leave(form_type::narrow, form_type::listed);
    PILLAR_TRY(builder.append(narrow.view(shape.types[i], count)));
    return true;
  };
  for (std::size_t i = 0; i < run.builders.size(); ++i) {
    const auto done = append_one(i);
    if (done.ok() && *done) continue;
    if (before == 0) {  // what it had room for goes to others
      for (column_builder& builder : run.builders) builder = column_builder(builder.type(), &buffered_);
      return done;
    }
    for (std::size_t undone = 0; undone < i; ++undone)
      run.builders[undone].truncate(PILLAR_MUTATE(run_store_keeps_half_rows, before, run.builders[undone].size()));
    return done;
  }
  // What was refused comes again, and is not to count twice.
  for (std::size_t i = 0; i < run.builders.size(); ++i) {
    const data_type type = run.builders[i].type();
    if (type == shape.types[i]) continue;
    if (shape.types[i].physical == physical_type::text) shape.texts[i].list.keep_rows();
    else if (type == detail::narrow_integers::listed_type(shape.types[i])) shape.lists[i].keep_rows();
  }
  return true;
}

/// Rows that wait are given the forms that the columns have now, so that no short blocks are made of them. False: they
/// became the run's last whole rows, since there is no room, or whole vectors wait already.
inline bool block_run_store::change_forms(stored_run& run) {
  using form_type = detail::narrow_integers::form_type;
  const auto row_count = static_cast<std::uint32_t>(run.open_rows());
  if (row_count == 0 || row_count >= vector_rows || !run.whole.empty()) return run.whole.empty() && row_count == 0;
  run_shape& shape = *run.shape;
  for (std::size_t i = 0; i < run.builders.size(); ++i) {
    const data_type& wide_type = shape.types[i];
    const data_type before = run.builders[i].type();
    if (before == shape.kept_type(i)) continue;
    column waiting = *run.builders[i].finish();
    std::uint64_t values[vector_rows];
    vector wide = waiting.slice(0, row_count);
    text_slot slots[vector_rows];
    const bool is_text = wide_type.physical == physical_type::text;
    if (is_text) static_cast<void>(shape.texts[i].list.texts(wide.values_as<std::uint16_t>(), row_count, slots));
    else if (before == detail::narrow_integers::listed_type(wide_type)) shape.lists[i].widen(wide, values);
    else shape.integers[i].widen(wide, values);
    wide.type = wide_type;
    wide.values = is_text ? static_cast<const void*>(slots) : values;
    if (is_text) wide.buffers = shape.texts[i].list.chunks();
    const auto changed = [&]() -> result<void> {
      detail::listed_values listed;
      bool is_listed = shape.integers[i].form == form_type::listed;
      if (is_listed && !listed.fill(wide, nullptr, row_count, shape.lists[i])) {
        shape.integers[i].form = form_type::wide;
        shape.choices[i] = encoding_choice();
        is_listed = false;
      }
      column_builder next(shape.kept_type(i), &buffered_, static_cast<unsigned>(i));
      if (is_roomy(run)) static_cast<void>(next.reserve(detail::roomy_rows));
      PILLAR_TRY(next.append(is_listed ? listed.view(wide_type, row_count) : wide));
      if (is_listed) shape.lists[i].keep_rows();
      run.builders[i] = std::move(next);
      return {};
    }();
    if (PILLAR_MUTATE(run_store_loses_rows_that_change, changed.ok(), true)) continue;
    stored_run::closed_rows closed{{}, row_count};
    closed.columns.reserve(run.builders.size());
    for (std::size_t k = 0; k < run.builders.size(); ++k)
      closed.columns.push_back(k == i ? std::move(waiting) : *run.builders[k].finish());
    run.whole.push_back(std::move(closed));
    return false;
  }
  return true;
}

/// Is there room for a vector of each run and a few rows more? Builders need not grow by doubling then, and a run passes
/// the end of a vector before memory is refused.
inline bool block_run_store::is_roomy(const stored_run& run) const noexcept {
  const std::uint64_t wanted = run.shape->row_bytes() * detail::roomy_rows * run_count_, used = buffered_.used();
  const std::uint64_t left = options_.budget == nullptr ? memory_budget::unlimited : options_.budget->available();
  // Of what the budget has left half is for encoding.
  return wanted <= options_.buffer_bytes &&
         PILLAR_MUTATE(run_store_room_of_nobody, left == memory_budget::unlimited || wanted <= used + left / 2, true);
}

/// Sets whole vectors aside and begins the next one with the rows behind them. Where there is no room for that they stay
/// open.
inline void block_run_store::close_vectors(stored_run& run) {
  const auto row_count = static_cast<std::uint32_t>(run.open_rows()), rest = row_count % vector_rows;
  if (row_count < vector_rows) return;
  std::vector<column_builder> next;
  next.reserve(run.builders.size());
  const auto make_room = [&](std::uint64_t rows) {
    next.clear();
    for (const column_builder& builder : run.builders) {
      next.emplace_back(builder.type(), &buffered_);
      if (!next.back().reserve(rows).ok()) return false;
    }
    return true;
  };
  if (!(is_roomy(run) && make_room(detail::roomy_rows)) && !make_room(rest)) return;
  stored_run::closed_rows closed{{}, row_count - rest};
  closed.columns.reserve(run.builders.size());
  for (column_builder& builder : run.builders) closed.columns.push_back(*builder.finish());
  bool kept = true;  // of texts not only the slots may take memory
  for (std::size_t i = 0; kept && i < next.size(); ++i)
    kept = next[i].append(closed.columns[i].slice(row_count - rest, rest)).ok();
  if (kept) run.builders = std::move(next);
  else closed.row_count = row_count;
  run.whole.push_back(std::move(closed));
}

PILLAR_API result<void> block_run_store::append(std::uint32_t run, std::span<const vector* const> columns,
                                                const selection_mask* rows, std::uint32_t row_count) {
  PILLAR_ASSERT(row_count <= vector_rows);
  stored_run& to = run_of(run);
  if (to.failed.code != errc::ok) return to.failed;
  PILLAR_ASSERT(!to.builders.empty() && columns.size() == to.builders.size());
  const std::uint32_t count = rows == nullptr ? row_count : rows->count();
  if (count == 0) return {};
  const std::uint64_t whole = stored_run::rows_of(to.whole), open = to.open_rows() + count;
  const bool is_full = whole + open / vector_rows * vector_rows > options_.block_rows ||
                       (open > options_.block_rows && to.open_rows() >= vector_rows);
  if (is_full || whole % vector_rows != 0) PILLAR_TRY(write(to, false));
  if (to.open_rows() >= vector_rows && to.open_rows() + count > options_.block_rows) PILLAR_TRY(write(to, false));
  for (;;) {
    const auto done = append_columns(to, columns, rows, row_count, count);
    if (done.ok() && *done) {
      close_vectors(to);
      return {};
    }
    if (done.ok()) {
      if (!change_forms(to)) PILLAR_TRY(write(to, true));
      continue;
    }
    if (done.error().code != errc::out_of_memory) return done.error();
    PILLAR_ASSIGN_OR_RETURN(const bool wrote, write_longest());
    if (!wrote) return done.error();
  }
}

/// Makes room in the write buffers; false if there is nothing in them.
inline result<bool> block_run_store::write_longest() {
  stored_run* longest = nullptr;
  for (std::size_t i = 0; i < runs_.size(); ++i)
    if (runs_[i] != nullptr && runs_[i]->held_rows() > (longest == nullptr ? 0 : longest->held_rows()))
      longest = runs_[i];
  if (longest == nullptr) return false;
  PILLAR_TRY(write(*longest, false));
  return true;
}

/// Vectors that were set aside as blocks; the rows behind them, too, where there are none, and at the end.
inline result<void> block_run_store::write(stored_run& run, bool at_end) {
  PILLAR_TRY(write_closed(run));
  const auto begin_block = [&]() -> result<void> {
    PILLAR_TRY(run.blocks.reserve(run.builders.size()));
    PILLAR_TRY(run.rows_of_groups.reserve(1));
    run.encoded = 0;
    return {};
  };
  const bool alone =
      !run.whole.empty() && (!at_end || stored_run::rows_of(run.whole) + run.open_rows() > options_.block_rows ||
                             run.whole.back().row_count % vector_rows != 0);
  if (alone) {
    PILLAR_TRY(begin_block());
    run.closed = std::move(run.whole);
    run.whole.clear();
    PILLAR_TRY(write_closed(run));
  }
  if (run.open_rows() == 0 && run.whole.empty()) return {};
  if (alone && !at_end) return {};
  PILLAR_TRY(begin_block());
  if (run.open_rows() != 0) {
    stored_run::closed_rows last{{}, static_cast<std::uint32_t>(run.open_rows())};
    last.columns.reserve(run.builders.size());
    for (column_builder& builder : run.builders) last.columns.push_back(*builder.finish());
    run.whole.push_back(std::move(last));
  }
  run.closed = std::move(run.whole);
  run.whole.clear();
  return write_closed(run);
}

namespace detail {
/// Makes vectors of texts such of numbers.
template <class Number>
void show_numbers(std::span<vector> vectors, const Number* numbers) noexcept {
  for (vector& values : vectors) {
    const bool nullable = values.type.nullable;
    values.type = type_of<Number>;
    values.type.nullable = nullable;
    values.values = numbers;
    values.buffers = nullptr;
    numbers += vector_rows;
  }
}
}  // namespace detail

/// Texts as integers, where all are short and that takes hardly more than their own codecs: those cost ten times as
/// much. Then the vectors are of numbers in the buffer, and their packing is the run's last; else the buffer is empty.
inline result<buffer> block_run_store::pack_texts(stored_run& run, text_choice& choice, std::span<vector> vectors) {
  buffer numbers;
  if (choice.row_count == 0 || choice.packed_blocks == detail::blocks_of_packed_texts) return numbers;
  detail::text_bits differ;
  detail::packed_texts packing;
  if (run.packings.size() == detail::most_packings || !differ.look_at(vectors) || !packing.use(differ)) return numbers;
  const std::uint64_t row_count = std::uint64_t{vector_rows} * (vectors.size() - 1) + vectors.back().size;
  constexpr std::uint64_t header_bytes = 192;
  const std::uint64_t bytes = differ.bits() * (vectors.size() * vector_rows / 8) + header_bytes;
  // By a twentieth more at most.
  if (20 * bytes * choice.row_count > 21 * choice.bytes * row_count) return numbers;
  PILLAR_TRY(run.packings.reserve(1));
  PILLAR_ASSIGN_OR_RETURN(numbers, buffer::allocate(row_count * sizeof(std::uint64_t), options_.budget));
  for (std::size_t v = 0; v < vectors.size(); ++v) {
    const vector& values = vectors[v];
    auto* const to = numbers.as<std::uint64_t>() + v * vector_rows;
    packing.pack(values.values_as<text_slot>(), values.size, to);
  }
  detail::show_numbers(vectors, std::as_const(numbers).as<std::uint64_t>());
  const bool others = run.packings.empty() || !(run.packings[run.packings.size() - 1] == differ);
  if (PILLAR_MUTATE(run_store_packs_texts_alike, others, run.packings.empty())) run.packings.push(differ);
  ++choice.packed_blocks;
  return numbers;
}

/// Cuts the table of symbols out of a block of texts, where others share it; its number. Without memory for that the
/// block stays whole.
inline std::uint32_t block_run_store::leave_table(text_choice& choice, buffer& block) {
  const std::span<const std::byte> all = std::as_const(block).bytes(), table = detail::symbols_of(all);
  if (table.empty()) return 0;
  const std::uint32_t number = choice.number_of(table, options_.budget);
  if (number == 0) return number;
  const auto begin = static_cast<std::size_t>(table.data() - all.data()), end = begin + table.size();
  auto rest = buffer::allocate(all.size() - table.size(), options_.budget);
  if (!rest.ok()) return 0;
  std::memcpy(rest->data(), all.data(), begin);
  std::memcpy(rest->data() + begin, all.data() + end, all.size() - end);
  block = *std::move(rest);
  return number;
}

/// Looks at the first blocks of texts, and finds the symbols of the next ones in all of them. That may fail: then those
/// of the first block stay.
inline void block_run_store::learn_symbols(text_choice& choice, encoding_choice& codecs,
                                           std::span<const vector> vectors) {
  detail::text_sample& sample = choice.sample;
  if (sample.is_over || !codecs.keeps_table || codecs.kept.empty()) return;
  if (sample.add(vectors, options_.budget)) {
    const std::byte* const characters = sample.characters.data();
    vector views[block_max_vectors];
    encode_input input;
    input.type = type_of<text>;
    input.row_count = static_cast<std::uint32_t>(sample.slots.size());
    std::uint32_t count = 0;
    for (std::uint32_t first = 0; first < input.row_count; first += vector_rows, ++count) {
      views[count].type = input.type;
      views[count].size = std::min(vector_rows, input.row_count - first);
      views[count].values = sample.slots.data() + first;
      views[count].buffers = &characters;
    }
    input.vectors = {views, count};
    input.kernels = kernels_;
    input.budget = options_.budget;
    input.keeps_table = true;
    const auto plan = text_symbols_codec::analyze(input);
    if (plan.ok() && plan->possible && !plan->kept.empty()) {
      if (auto kept = buffer::allocate(plan->kept.size(), options_.budget); kept.ok()) {
        std::memcpy(kept->data(), plan->kept.data(), plan->kept.size());
        codecs.kept = *std::move(kept);
        codecs.kept_bytes = plan->data_bytes - plan->bytes_once;
        codecs.kept_row_count = static_cast<std::uint32_t>(sample.row_count);  // as blocks count them, with NULLs
      }
    }
    sample.is_over = true;
  }
  if (sample.is_over) sample.slots = growable<text_slot>(), sample.characters = growable<std::byte>();
}

/// Encodes and puts what was closed. Without memory for it the rest waits for the next call; on other errors the rows
/// are lost, and the run is of no more use.
inline result<void> block_run_store::write_closed(stored_run& run) {
  if (run.closed.empty()) return {};
  const auto written = [&]() -> result<void> {
    vector views[block_max_vectors];
    const auto row_count = static_cast<std::uint32_t>(stored_run::rows_of(run.closed));
    const std::uint32_t view_count = (row_count + vector_rows - 1) / vector_rows;
    for (; run.encoded < run.builders.size(); ++run.encoded) {
      std::uint32_t filled = 0;
      for (const stored_run::closed_rows& part : run.closed)
        for (std::uint32_t first = 0; first < part.row_count; first += vector_rows) {
          const std::uint32_t left = part.row_count - first;
          views[filled++] = part.columns[run.encoded].slice(first, left < vector_rows ? left : vector_rows);
        }
      block_options options;
      options.policy = options_.policy;
      options.previous = &run.shape->choices[run.encoded];
      options.kernels = kernels_;
      stored_run::stored_block stored;
      buffer numbers;
      text_choice* texts = nullptr;
      if (views[0].type.physical == physical_type::text) {
        texts = &run.shape->texts[run.encoded];
        options.previous->keeps_table = texts->shares_tables;
        PILLAR_ASSIGN_OR_RETURN(numbers, pack_texts(run, *texts, {views, view_count}));
        if (!numbers.empty()) {
          options.previous = &texts->packed;
          stored.packing = run.packings.size() & detail::packed_as_list;
        }
      } else if (run.shape->types[run.encoded].physical == physical_type::text) {
        options.previous = &run.shape->texts[run.encoded].listed;
        stored.packing = detail::packed_as_list;
      }
      PILLAR_ASSIGN_OR_RETURN(buffer block, encode_block({views, view_count}, options, options_.budget));
      stored.checksum = detail::named_checksum(block.bytes());
      if (texts != nullptr && numbers.empty()) {
        stored.table = leave_table(*texts, block) & detail::most_shared_tables;
        learn_symbols(*texts, *options.previous, {views, view_count});
        texts->bytes = block.size(), texts->row_count = row_count, texts->packed_blocks = 0;
      }
      numbers = buffer{};
      stored.bytes = block.size();
      PILLAR_ASSIGN_OR_RETURN(stored.place, put(std::move(block)));
      for (stored_run::closed_rows& part : run.closed) part.columns[run.encoded] = column();
      counts_.bytes_written += stored.bytes;
      run.blocks.push(stored);
    }
    run.rows_of_groups.push(row_count);
    counts_.rows_written += row_count;
    return {};
  }();
  if (PILLAR_MUTATE(run_store_loses_refused_rows, !written.ok() && written.error().code == errc::out_of_memory, false))
    return written;
  run.closed.clear();
  if (written.ok()) return {};
  run.failed = written.error();
  run.whole.clear();
  run.builders = std::vector<column_builder>();
  return written;
}

PILLAR_API result<void> block_run_store::seal(std::uint32_t run) {
  stored_run& of = run_of(run);
  if (of.failed.code != errc::ok) return of.failed;
  if (const auto done = write(of, true); !done.ok()) {
    of.refused = done.error();
    return done;
  }
  of.builders = std::vector<column_builder>();  // the memory too
  return {};
}

PILLAR_API void block_run_store::drop(std::uint32_t run) noexcept {
  const stored_run& of = run_of(run);
  for (std::size_t i = 0; i < of.blocks.size(); ++i) forget(of.blocks[i].place);
  delete &of;
  runs_[run - first_run_] = nullptr;
  if (--run_count_ != 0) return;
  first_run_ += static_cast<std::uint32_t>(runs_.size());
  runs_ = growable<stored_run*>(options_.budget);
  shapes_.clear();
  if (options_.budget != nullptr) options_.budget->release(shape_bytes_);
  shape_bytes_ = 0;
}

PILLAR_API run_counts block_run_store::counts() const noexcept { return counts_; }
PILLAR_API std::uint64_t block_run_store::bytes_of(std::uint32_t run) const noexcept {
  const stored_run& of = run_of(run);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < of.blocks.size(); ++i) total += of.blocks[i].bytes;
  return total;
}

/// Reads a run's row groups one after the other.
class block_run_store::reader final : public run_reader {
 public:
  reader(block_run_store& store, const stored_run& run) : store_(store), run_(run) {}
  ~reader() override {
    for (auto& column : columns_)
      if (column.scratch != nullptr) column.scratch->~vector_scratch();
  }

  result<void> prepare() {
    columns_.resize(run_.shape->types.size());
    for (auto& column : columns_) {
      PILLAR_ASSIGN_OR_RETURN(column.memory, buffer::allocate(sizeof(vector_scratch), store_.budget()));
      column.scratch = ::new (static_cast<void*>(column.memory.data())) vector_scratch;
    }
    return {};
  }

  result<std::uint32_t> next(std::span<vector> columns) override {
    PILLAR_ASSERT(columns.size() == columns_.size());
    if (failed_.code != errc::ok) return failed_;
    const auto found = [&]() -> result<std::uint32_t> {
      if (row_ == rows_in_group_) {
        if (next_group_ == run_.rows_of_groups.size()) return std::uint32_t{0};
        PILLAR_TRY(open_group(next_group_));
        ++next_group_;
      }
      for (std::size_t i = 0; i < columns.size(); ++i) {
        reader_column& from = columns_[i];
        const encoded_vector source = from.view.vector_at(row_ / vector_rows);
        if (source.operations->character_bytes != nullptr)
          PILLAR_TRY(
              from.scratch->reserve_characters(source.operations->character_bytes(source.block), store_.budget()));
        PILLAR_TRY(source.decode(*from.scratch, columns[i]));
        if (from.is_packed) PILLAR_TRY(unpack(from, columns[i]));
        else if (from.is_listed) PILLAR_TRY(find_texts(from, run_.shape->texts[i].list, columns[i]));
        else if (!(from.view.type() == run_.shape->types[i])) PILLAR_TRY(widen(from, i, columns[i]));
      }
      const std::uint32_t left = rows_in_group_ - row_;
      const std::uint32_t count = left < vector_rows ? left : vector_rows;
      row_ += count;
      return count;
    }();
    if (!found.ok()) failed_ = found.error();
    return found;
  }

 private:
  struct reader_column {
    buffer memory{};
    vector_scratch* scratch = nullptr;
    buffer room{};
    buffer whole{};  ///< a block that was put without its table
    block_view view{};
    bool is_packed = false, is_listed = false;
    detail::packed_texts packing{};  ///< if it is
    buffer slots{};                  ///< and the numbers before, where they do not lie side by side; or wide values
    std::uint64_t validity[vector_words] = {};
  };

  /// Numbers that stand for texts → those.
  result<void> unpack(reader_column& column, vector& values) {
    constexpr std::size_t slot_bytes = vector_rows * sizeof(text_slot);
    if (column.slots.empty()) {
      PILLAR_ASSIGN_OR_RETURN(column.slots,
                              buffer::allocate(slot_bytes + vector_rows * sizeof(std::uint64_t), store_.budget()));
    }
    const auto* numbers = values.values_as<std::uint64_t>();
    // What a codec leaves in NULL rows may be no text's number.
    if (values.kind != vector_kind::flat || PILLAR_MUTATE(packed_null_is_a_text, values.validity != nullptr, false)) {
      auto* const flat = reinterpret_cast<std::uint64_t*>(column.slots.data() + slot_bytes);
      const auto* const held = values.holder().values_as<std::uint64_t>();
      for (std::uint32_t row = 0; row < values.size; ++row)
        flat[row] = values.valid(row) ? held[values.index_of(row)] : 0;
      numbers = flat;
    }
    if (!column.packing.unpack(numbers, values.size, column.slots.as<text_slot>())) return errc::corrupt;
    show_slots(column, values);
    return {};
  }

  /// Numbers in a list of texts → those.
  result<void> find_texts(reader_column& column, const detail::text_list& list, vector& values) {
    constexpr std::size_t slot_bytes = vector_rows * sizeof(text_slot);
    if (column.slots.empty()) {
      PILLAR_ASSIGN_OR_RETURN(column.slots,
                              buffer::allocate(slot_bytes + vector_rows * sizeof(std::uint64_t), store_.budget()));
    }
    const auto* numbers = values.values_as<std::uint16_t>();
    if (values.kind != vector_kind::flat || values.validity != nullptr) {  // as in unpack
      auto* const flat = reinterpret_cast<std::uint16_t*>(column.slots.data() + slot_bytes);
      const auto* const held = values.holder().values_as<std::uint16_t>();
      for (std::uint32_t row = 0; row < values.size; ++row)
        flat[row] = values.valid(row) ? held[values.index_of(row)] : std::uint16_t{0};
      numbers = flat;
    }
    if (!list.texts(numbers, values.size, column.slots.as<text_slot>())) return errc::corrupt;
    show_slots(column, values);
    values.buffers = list.chunks();
    return {};
  }

  /// Distances, or numbers, → the values.
  result<void> widen(reader_column& column, std::size_t number, vector& values) {
    if (column.slots.empty()) {
      PILLAR_ASSIGN_OR_RETURN(column.slots, buffer::allocate(vector_rows * sizeof(std::uint64_t), store_.budget()));
    }
    auto* const wide = column.slots.as<std::uint64_t>();
    if (column.view.type() == detail::narrow_integers::listed_type(run_.shape->types[number]))
      run_.shape->lists[number].widen(values, wide);
    else run_.shape->integers[number].widen(values, wide);
    show_slots(column, values);
    return {};
  }

  /// What `values` says of its rows, with the values in the column's slots.
  void show_slots(reader_column& column, vector& values) {
    vector made;
    made.type = run_.shape->types[static_cast<std::size_t>(&column - columns_.data())];
    made.size = values.size;
    made.values = column.slots.data();
    if (values.validity != nullptr) {
      for (std::uint32_t word = 0; word < vector_words; ++word) column.validity[word] = values.validity_word(word);
      made.validity = column.validity;
    }
    values = made;
  }

  /// A block as it was before its table was cut out.
  result<std::span<const std::byte>> with_table(reader_column& column, std::span<const std::byte> rest,
                                                std::span<const std::byte> table) {
    const std::size_t size = rest.size() + table.size();
    const std::uint64_t begin = detail::data_begin(rest, size);
    if (begin == 0 || PILLAR_MUTATE(run_store_trusts_where_data_begins, begin > rest.size(), false))
      return {errc::corrupt, 0};
    if (column.whole.size() < size) {
      column.whole = buffer{};
      PILLAR_ASSIGN_OR_RETURN(column.whole, buffer::allocate(size, store_.budget()));
    }
    std::byte* const to = column.whole.data();
    std::memcpy(to, rest.data(), begin);
    std::memcpy(to + begin, table.data(), table.size());
    std::memcpy(to + begin + table.size(), rest.data() + begin, rest.size() - begin);
    return std::as_const(column.whole).bytes().first(size);
  }

  result<void> open_group(std::size_t group) {
    rows_in_group_ = 0;
    row_ = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      reader_column& into = columns_[i];
      const auto& stored = run_.blocks[group * columns_.size() + i];
      into.view = block_view{};
      PILLAR_ASSIGN_OR_RETURN(auto bytes, store_.get(stored.place, stored.bytes, into.room));
      store_.counts_.bytes_read += bytes.size();
      if (stored.table != 0) {
        const buffer& table = run_.shape->texts[i].tables[stored.table - 1];
        PILLAR_ASSIGN_OR_RETURN(bytes, with_table(into, bytes, table.bytes()));
      }
      block_limits limits;
      limits.max_rows = run_.rows_of_groups[group];
      limits.max_decoded_bytes = ~std::uint64_t{0};  // a block of ours, or its checksum is another
      limits.budget = store_.budget();
      limits.kernels = store_.kernels_;
      // Another block than the one that was put here, then: this one with other bytes.
      if (PILLAR_MUTATE(run_store_takes_any_block, detail::named_checksum(bytes) != stored.checksum, false))
        return {errc::checksum_mismatch, stored.place};
      PILLAR_ASSIGN_OR_RETURN(into.view, open_block(bytes, limits, true));
      into.is_listed = stored.packing == detail::packed_as_list;
      into.is_packed = stored.packing != 0 && !into.is_listed && into.packing.use(run_.packings[stored.packing - 1]);
      PILLAR_ASSERT(into.view.row_count() == run_.rows_of_groups[group] &&
                    (into.is_packed || into.is_listed || into.view.type() == run_.shape->types[i] ||
                     into.view.type() == detail::narrow_integers::narrow_type(run_.shape->types[i]) ||
                     into.view.type() == detail::narrow_integers::listed_type(run_.shape->types[i])));
    }
    rows_in_group_ = run_.rows_of_groups[group];
    return {};
  }

  block_run_store& store_;
  const stored_run& run_;
  std::vector<reader_column> columns_{};
  std::size_t next_group_ = 0;
  std::uint32_t rows_in_group_ = 0;
  std::uint32_t row_ = 0;
  failure failed_{};
};

PILLAR_API result<std::unique_ptr<run_reader>> block_run_store::read(std::uint32_t run) {
  const stored_run& of = run_of(run);
  if (of.failed.code != errc::ok) return of.failed;
  if (!of.builders.empty() && of.refused.code != errc::ok) return of.refused;
  PILLAR_ASSERT(of.builders.empty());
  auto made = std::make_unique<reader>(*this, of);
  PILLAR_TRY(made->prepare());
  return std::unique_ptr<run_reader>(std::move(made));
}

}  // namespace PILLAR_NAMESPACE
