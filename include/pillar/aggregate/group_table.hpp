// SPDX-License-Identifier: Apache-2.0
/// Group numbers for rows: a batch of keys goes in, each row's dense group number comes out.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "pillar/aggregate/detail/direct_table.hpp"
#include "pillar/aggregate/detail/text_keys.hpp"
#include "pillar/aggregate/detail/word_table.hpp"
#include "pillar/base/detail/next_lines.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/builder.hpp"    // column_builder
#include "pillar/column/column.hpp"     // column
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

/// How a group table looks keys up; chosen from the key columns' types and ranges when it is made.
enum class key_mode : std::uint8_t {
  none,      ///< no key columns: one group
  array,     ///< ≤ 18 bits of key index an array, or more where many rows are expected or keys were seen to be dense
  packed8,   ///< keys packed into 8 bytes, in buckets of a cache line
  packed16,  ///< keys packed into 16 bytes
  generic,   ///< several tables of 16 bytes, each one's numbers part of the next one's keys
};
/// The mode in words.
constexpr std::string_view to_string(key_mode mode) noexcept {
  constexpr std::string_view names[] = {"no keys", "array", "packed into 8 bytes", "packed into 16 bytes", "generic"};
  return names[static_cast<unsigned>(mode)];
}

/// What is known of an integer key column: every value lies in [lowest, highest]. Narrow ranges make narrow keys.
/// A value beside it is no error: the table then goes over to full widths.
struct key_range {
  int128 lowest = 1;
  int128 highest = 0;  ///< below lowest: nothing is known
  [[nodiscard]] constexpr bool known() const noexcept { return lowest <= highest; }
};

/// Batch find-or-insert.
///
/// The mode follows what is known of the keys, and what is seen: a value outside its range, or more texts than there
/// are bits for, lay the keys out anew, and integers of many groups that turn out dense move into an array. Groups keep
/// their numbers.
///
/// A text of up to 12 bytes is a key of 16 bytes, a longer one is interned. One key column of texts has those as its
/// keys; beside others texts are numbered per column (a dictionary's entries once per batch or block), so every key is a
/// few words of integers. Where all keys could have few bits, texts are first given few: with more of them the table
/// goes over to 16 bytes, or 32 bits each.
/// NULL keys form one group; −0.0 and 0.0 are one key, all NaNs are one (they come out as 0.0 and the quiet NaN).
///
/// Shape:    key columns of row_count ≤ 1,024 rows of the types it was made with, nullable ones where a NULL may come
/// Units:    group numbers are dense, 0, 1, … in the order of their insertion
/// Errors:   out_of_memory, limit_exceeded (2^32 − 2 groups): the table is then as before. A hot-path object of rank 6
///           that has no messages to give keeps result<>
/// Cost:     below 1 ns a row for arrays and dictionary codes, 2–3 for a packed key in cache; prefetches once the
///           table is larger than 1 MiB; grows by one pass in order over the old slots and the new
/// Threads:  one at a time; const members concurrently
class group_table {
 public:
  /// `expected_rows`, if known, lets a range of up to twice as many keys be an array, and a table grow by an estimate.
  /// Errors: invalid_argument when `ranges` is neither empty nor one per key column
  PILLAR_API static result<group_table> make(std::span<const data_type> key_types, memory_budget* budget = nullptr,
                                             std::span<const key_range> ranges = {}, std::uint64_t expected_rows = 0);

  /// So many groups are likely: room for them at once, if it is little of what the budget has.
  PILLAR_API void expect_groups(std::uint32_t count) noexcept;

  /// A table whose group g has the keys of row g, as keys() gave them: what a table comes to when it is stored.
  /// Errors: invalid_argument when columns differ in length or two rows are one key (position = the second one's batch)
  PILLAR_API static result<group_table> from_keys(std::span<const column> keys, memory_budget* budget = nullptr);

  /// Writes group_of_row[row] for every selected row, adding groups for new keys.
  PILLAR_API result<void> find_or_insert(std::span<const vector* const> keys, const selection_mask& selection,
                                         std::uint32_t row_count, std::uint32_t* group_of_row);

  /// The same as slots: group number + 1 of the selected rows, 0 of the others; all row_count of them are written.
  /// `next`: what the caller will read then.
  PILLAR_API result<void> find_slots(std::span<const vector* const> keys, const selection_mask& selection,
                                     std::uint32_t row_count, std::uint32_t* slot_of_row,
                                     const detail::next_lines& next = {});

  /// The slots of keys that have a group: 0 for unknown keys and for rows that are not selected.
  PILLAR_API void find(std::span<const vector* const> keys, const selection_mask& selection, std::uint32_t row_count,
                       std::uint32_t* slot_of_row) const noexcept;

  /// In a table whose keys index an array a key has another number: its code, below code_count(). `code_of_row`: the
  /// selected rows' codes + 1, 0 of the others. There is nothing to look up, as long as keys have groups; others are
  /// added. False: a key has no code in this array. Nothing was done then, and find_slots takes it, with other codes.
  /// Requires: has_codes(), and prepare_codes() since the codes are these
  PILLAR_API result<bool> find_codes(std::span<const vector* const> keys, const selection_mask& selection,
                                     std::uint32_t row_count, std::uint32_t* code_of_row);
  /// The codes alone, + 1: no group is added. add_codes() does so later, also of codes whose groups are there, and prepares
  /// codes itself. Requires: has_codes()
  PILLAR_API result<bool> read_codes(std::span<const vector* const> keys, const selection_mask& selection,
                                     std::uint32_t row_count, std::uint32_t* code_of_row);
  PILLAR_API result<void> add_codes(const std::uint32_t* code_of_row, std::uint32_t row_count) noexcept;
  /// The same of codes first + i, counted from 0, for which counts[i] is not 0. Requires: reserve_codes()
  void add_counted_codes(std::uint32_t first, const std::int64_t* counts, std::uint32_t count) noexcept {
    stages_[0].direct.add_counted(first, counts, count);
    group_count_ = stages_[0].direct.size();
  }
  result<void> prepare_codes() noexcept { return stages_[0].direct.note_known(); }
  /// The same, with room for a group of each code, also where no key has come yet. False: keys have no codes, or there is
  /// no memory for that.
  PILLAR_API bool reserve_codes() noexcept;
  /// Gives back what prepare_codes() has taken: a bit for each code.
  void forget_codes() noexcept {
    if (!stages_.empty()) stages_[0].direct.forget_known();
  }
  /// Whether keys have codes: integers only, and some have come.
  [[nodiscard]] bool has_codes() const noexcept {
    if (mode_ != key_mode::array || !stages_[0].direct.is_made()) return false;
    for (const key_column& column : columns_)
      if (column.texts != nullptr) return false;
    return true;
  }
  [[nodiscard]] std::uint32_t code_count() const noexcept { return stages_[0].direct.code_count(); }
  /// The groups' codes.
  [[nodiscard]] const std::uint32_t* codes() const noexcept { return stages_[0].direct.codes(); }
  /// The slot of the group that has a code.
  [[nodiscard]] std::uint32_t slot_of_code(std::uint32_t code) const noexcept { return stages_[0].direct.find(code); }

  /// Adds the groups of another table of the same key types: group_of_other[g] is this table's number of its group g.
  /// Errors: type_mismatch; as find_or_insert
  PILLAR_API result<void> merge(const group_table& other, std::uint32_t* group_of_other);
  /// The same of those that `groups` names; group_of[i] is this table's number of group groups[i].
  PILLAR_API result<void> merge(const group_table& other, std::span<const std::uint32_t> groups,
                                std::uint32_t* group_of);

  /// A promise: from here to the next call, a dictionary at the same address holds the same entries. They are then
  /// looked up once, not with every batch.
  void begin_block() noexcept {
    stable_dictionaries_ = true;
    for (auto& column : columns_)
      column.known_dictionary = PILLAR_MUTATE(group_dictionary_outlives_block, nullptr, column.known_dictionary);
    block_codes_ = PILLAR_MUTATE(group_dictionary_outlives_block, 0, block_codes_);
  }

  [[nodiscard]] std::uint32_t group_count() const noexcept { return group_count_; }
  /// How many groups there is room for without copying keys: where expected_rows is known, as many as are likely.
  [[nodiscard]] std::size_t likely_groups() const noexcept {
    if (stages_.empty() || mode_ == key_mode::array) return group_count_;
    return stages_.back().is_wide ? stages_.back().wide.room() : stages_.back().narrow.room();
  }
  [[nodiscard]] key_mode mode() const noexcept { return mode_; }
  /// How many texts have come in a key column, one of several.
  [[nodiscard]] std::uint32_t text_count(std::uint32_t key) const noexcept {
    return columns_[key].texts == nullptr ? 0 : columns_[key].texts->size();
  }
  [[nodiscard]] std::span<const data_type> key_types() const noexcept { return types_; }

  /// Forgets all groups from `group_count` on; those before keep their numbers.
  PILLAR_API void truncate(std::uint32_t group_count) noexcept;

  /// Keys of groups [first, first + count), key column by key column.
  PILLAR_API result<void> append_keys(std::uint32_t key, std::uint32_t first, std::uint32_t count,
                                      column_builder& out) const;
  /// The same of the groups named.
  PILLAR_API result<void> append_keys(std::uint32_t key, std::span<const std::uint32_t> groups,
                                      column_builder& out) const;
  /// hash_rows of the keys of groups [first, first + count): equal keys have it in every table, so its upper bits part
  /// the groups of several tables alike. Groups of one part are merged without looking at the others.
  /// `scratch` is for the keys of 1,024 groups at a time, and not the table's budget, which may be full.
  PILLAR_API result<void> hash_keys(std::uint32_t first, std::uint32_t count, std::uint64_t* out,
                                    memory_budget* scratch = nullptr) const;
  /// The same of the groups named.
  PILLAR_API result<void> hash_keys(std::span<const std::uint32_t> groups, std::uint64_t* out,
                                    memory_budget* scratch = nullptr) const;
  /// Whether equal keys are equal words here and there, so that hash_words() parts the groups of both alike.
  [[nodiscard]] bool has_words_of(const group_table& other) const noexcept {
    return types_ == other.types_ && same_layout(other);
  }
  /// A hash of the words that groups [first, first + count) have as keys, in one table: dearer hashes read the keys.
  /// Its upper bits are not those that the table itself goes by. Requires: has_words_of() some table
  PILLAR_API void hash_words(std::uint32_t first, std::uint32_t count, std::uint64_t* out) const noexcept;
  /// All groups' keys, one column per key column.
  PILLAR_API result<std::vector<column>> keys(memory_budget* budget = nullptr) const;

 private:
  static constexpr std::uint32_t dense_look_groups = 1u << 17;

  /// One integer of a key column: where it lies in which table's key.
  struct key_part {
    enum class form : std::uint8_t { value, high_word, null_flag, text, whole_text };
    std::uint32_t column = 0;
    form what = form::value;
    std::uint8_t bits = 0;
    std::uint8_t lane = 0;  ///< 0 low word, 1 high word
    std::uint8_t shift = 0;
    std::uint32_t stage = 0;
  };
  struct key_column {
    key_range range{};                             ///< known: NULL is coded as highest + 1
    std::unique_ptr<detail::text_keys> texts{};    ///< text only
    std::uint32_t most_texts = ~std::uint32_t{0};  ///< that its part has bits for
    const vector* known_dictionary = nullptr;      ///< whose entries' numbers stand in entry_numbers
    buffer entry_numbers{};
    [[nodiscard]] std::uint64_t width() const noexcept {
      return static_cast<std::uint64_t>(range.highest - range.lowest);
    }
  };
  struct key_stage {
    detail::direct_table direct{};
    detail::word_table<std::uint64_t> narrow;
    detail::word_table<detail::wide_key> wide;
    bool is_wide = false;
    std::uint8_t used[2] = {0, 0};  ///< bits of each lane
    explicit key_stage(memory_budget* budget) noexcept : narrow(budget), wide(budget) {}
  };

  explicit group_table(memory_budget* budget) noexcept : budget_(budget) {}
  result<void> lay_out(std::span<const key_range> ranges, bool few_texts);
  [[nodiscard]] std::uint64_t possible_codes() const noexcept;
  [[nodiscard]] bool is_array() const noexcept;
  [[nodiscard]] bool is_whole_text() const noexcept;
  void place(key_part part);
  void expect_rows() noexcept;
  [[nodiscard]] bool outside_ranges(std::span<const vector* const> keys, const std::uint16_t* rows,
                                    std::uint32_t count) const;
  result<void> widen(bool ranges_hold);
  result<void> lay_out_anew(std::span<const key_range> ranges, bool few_texts, bool arrays);
  result<void> make_array();
  result<bool> reach_further(const vector& key, const selection_mask& selection);
  result<void> insert_columns(std::span<const column> known);
  result<void> look_for_dense_keys();
  result<void> note_groups(std::uint32_t group_count);
  [[nodiscard]] bool is_whole_word(std::span<const vector* const> keys) const noexcept;
  [[nodiscard]] bool finds_whole_words(std::span<const vector* const> keys, const selection_mask& selection,
                                       std::uint32_t row_count) const noexcept;
  result<void> find_whole_words(const vector& key, std::uint32_t row_count, std::uint32_t* slot_of_row,
                                const detail::next_lines& next);
  result<void> find_whole_texts(const vector& key, std::uint32_t row_count, std::uint32_t* slot_of_row,
                                const detail::next_lines& next);
  [[nodiscard]] bool same_layout(const group_table& other) const noexcept;
  template <class Word>
  static void words_of(const Word* keys, const std::uint32_t* groups, std::uint32_t first, std::uint32_t count,
                       auto* out) noexcept;
  result<void> insert_words(const group_table& other, const std::uint32_t* groups, std::uint32_t first,
                            std::uint32_t count, std::uint32_t* group_of);
  result<void> merge_groups(const group_table& other, const std::uint32_t* groups, std::uint32_t count,
                            std::uint32_t* group_of);
  result<void> hash_groups(const std::uint32_t* groups, std::uint32_t first, std::uint32_t count, std::uint64_t* out,
                           memory_budget* scratch) const;
  result<void> append_groups(std::uint32_t key, const std::uint32_t* groups, std::uint32_t first, std::uint32_t count,
                             column_builder& out) const;
  result<void> insert_rows(std::span<const vector* const> keys, const std::uint16_t* rows, std::uint32_t count,
                           std::uint32_t* groups);
  result<void> insert_entries(const vector& key, const selection_mask& selection, std::uint32_t* group_of_row);
  result<void> insert_runs(const vector& key, const selection_mask& selection, std::uint32_t* group_of_row);
  void key_words(const key_part& part, const vector& from, const std::uint16_t* rows, std::uint32_t count,
                 std::uint64_t* words) const noexcept;
  void find_part(const key_part& part, const vector& from, const std::uint16_t* rows, std::uint32_t count,
                 std::uint64_t* lane, std::uint8_t* known) const noexcept;
  result<void> encode(const key_part& part, const vector& from, const std::uint16_t* rows, std::uint32_t count,
                      std::uint64_t* lane);
  result<void> find_texts(key_column& column, const vector& from, const std::uint64_t* selected,
                          std::uint32_t row_count, std::uint32_t* numbers);
  result<bool> prepare_entries(key_column& column, const vector& dictionary);
  result<bool> prepare_block(std::span<const vector* const> keys);
  void find_block_slots() noexcept;
  void look_for_same_order() noexcept;
  result<void> find_in_block(std::span<const vector* const> keys, const selection_mask& selection,
                             std::uint32_t row_count, std::uint32_t* slot_of_row);
  result<void> find_each_slot(std::span<const vector* const> keys, const selection_mask& selection,
                              std::uint32_t row_count, std::uint32_t* slot_of_row);
  enum class code_fault : std::uint8_t { none, outside_ranges, many_texts };
  result<code_fault> encode_small(std::span<const vector* const> keys, const selection_mask& selection,
                                  std::uint32_t row_count, std::uint32_t* codes);
  void parts_of(const key_part& part, const std::uint32_t* groups, std::uint32_t first, std::uint32_t count,
                std::uint64_t* out) const noexcept;

  memory_budget* budget_;
  std::vector<data_type> types_{};
  std::vector<key_column> columns_{};
  std::vector<key_part> parts_{};
  std::vector<key_stage> stages_{};
  key_mode mode_ = key_mode::none;
  bool few_texts_ = false;
  bool arrays_ = true;  ///< false: there is no memory for one
  bool stable_dictionaries_ = false;
  std::uint32_t group_count_ = 0;
  std::uint64_t expected_rows_ = 0;
  std::uint64_t most_array_codes_ = std::uint64_t{1} << detail::direct_table::small_bits;
  std::uint32_t next_look_ = dense_look_groups;      ///< at so many groups keys are looked at for being dense
  std::vector<const vector*> block_dictionaries_{};  ///< of the block at work, if all keys are such vectors
  buffer block_slots_{};                             ///< by their codes, combined into one
  std::uint32_t block_codes_ = 0;                    ///< how many; 0: block_slots_ is not in use
  bool block_in_order_ = false;                      ///< each code's slot is the code + 1
  std::uint32_t block_misses_ = 0;                   ///< batches with many codes that were not in block_slots_
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/group_table.hpp"
#endif
