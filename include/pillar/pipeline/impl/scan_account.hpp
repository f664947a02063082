// SPDX-License-Identifier: Apache-2.0
/// What a scan did to the vectors of each block, in numbers.
#pragma once
#include <bit>

#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/pipeline/impl/sorted_rows.hpp"
#include "pillar/pipeline/impl/worker_local.hpp"
#include "pillar/pipeline/statistics.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Counts what was done to each vector of a row group.
/// `group_of_slice`: its number. `reached`: the vectors that zone maps left. `ends`: where it lies, if its keys' ends
/// were read.
inline void account_group(const bound_segment& shared, const row_group& group, std::uint32_t slice,
                          std::uint32_t group_of_slice, std::uint64_t reached, const sorted_rows* ends,
                          worker_local& local) {
  const vector_run& run = local.run;
  for (const std::uint32_t c : shared.named) {
    block_account account;
    account.slice = slice;
    account.group = group_of_slice;
    account.column = c;
    account.block_bytes = group.blocks[c].block_bytes();
    const touched_vectors& touched = run.touched[c];
    std::uint64_t decoded = touched.decoded;
    if (ends != nullptr)
      decoded |= PILLAR_MUTATE(sorted_rows_ends_uncounted,
                               ends->vectors_read(ends->place(slice, group_of_slice), c, run.count), 0);
    const std::uint64_t read = touched.encoded | decoded, consulted = read | touched.settled;
    const std::uint64_t unselected = reached & ~run.open & ~consulted;
    const auto count = [&account](scan_cause cause, std::uint64_t vectors) {
      account.vectors[static_cast<std::size_t>(cause)] = static_cast<std::uint64_t>(std::popcount(vectors));
    };
    count(scan_cause::skipped_by_zone, low_bits(run.count) & ~consulted & ~unselected);
    count(scan_cause::skipped_by_selection, unselected);
    count(scan_cause::settled, touched.settled & ~read);
    count(scan_cause::encoded, touched.encoded & ~decoded);
    count(scan_cause::decoded, decoded);
    if (consulted != 0) {  // else the block may not even be open
      const block_view& view = local.blocks[c];
      if (read == low_bits(run.count)) {
        account.bytes_read = view.block_bytes() - view.shared_bytes();
      } else {
        for (std::uint64_t left = read; left != 0; left &= left - 1)
          account.bytes_read += view.encoded_bytes(static_cast<std::uint32_t>(std::countr_zero(left)));
      }
      const auto& counts = account.vectors;
      if (PILLAR_MUTATE(pipeline_directory_unread, counts[2] + counts[3] + counts[4], counts[2]) > 0)
        account.bytes_read += view.shared_bytes();
    }
    local.accounts.push_back(account);
  }
}

/// The blocks' accounts in order, and each column's.
inline void add_columns(const bound_segment& shared, scan_statistics& stats) {
  heap_sort(stats.blocks, [](const block_account& a, const block_account& b) {
    return a.slice != b.slice ? a.slice < b.slice : a.group != b.group ? a.group < b.group : a.column < b.column;
  });
  for (const std::uint32_t c : shared.named) {
    column_account made;
    made.name = shared.what.source[c].name;
    made.column = c;
    for (const auto& block : stats.blocks) {
      if (block.column != c) continue;
      for (std::size_t i = 0; i < scan_cause_count; ++i) made.vectors[i] += block.vectors[i];
      ++made.blocks;
      if (block.bytes_read == 0) ++made.blocks_untouched;
      made.bytes_read += block.bytes_read;
      made.bytes_unread += block.block_bytes - block.bytes_read;
    }
    stats.columns.push_back(std::move(made));
  }
}

}  // namespace PILLAR_NAMESPACE::detail
