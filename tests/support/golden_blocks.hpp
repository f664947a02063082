// SPDX-License-Identifier: Apache-2.0
/// The columns whose blocks lie in tests/golden/blocks/v<format version>_<name>.block.
#pragma once
#include <string>
#include <vector>

#include "support/block_cases.hpp"

namespace pillar_test {

struct golden_block {
  std::string name;
  block_source source;
  pillar::block_options options;
  int since = 1;           ///< the first format version that has a file
  bool same_bytes = true;  ///< false: encoders may do better some day, and old files are only read
};

inline golden_block golden(std::string name, pillar::data_type type, std::vector<pillar::scalar> cells,
                           pillar::codec_id codec,
                           pillar::transform_choice transform = pillar::transform_choice::none) {
  golden_block made{std::move(name), make_source(type, std::move(cells)), {}};
  made.options.codec = codec;
  made.options.transform = transform;
  return made;
}

/// Cells never change: old files hold them.
inline std::vector<golden_block> golden_blocks() {
  using pillar::codec_id;
  using pillar::scalar;
  const auto word = pillar::type_of<pillar::text>.as_nullable();
  const auto price = pillar::decimal_type(15, 2, true);
  const auto small = pillar::type_of<std::int32_t>.as_nullable();
  const auto real = pillar::type_of<double>;
  const auto every_seventh_null = [](pillar::data_type type, int rows, auto&& cell) {
    std::vector<scalar> cells;
    for (int n = 0; n < rows; ++n) cells.push_back(n % 7 == 6 ? scalar::of_null(type) : cell(n));
    return cells;
  };
  std::vector<scalar> texts = every_seventh_null(word, 40, [&](int n) {
    return scalar::of_text(word, std::string(static_cast<std::size_t>(n % 20), 'x') + std::to_string(n % 5));
  });
  std::vector<scalar> reals;
  for (int n = 0; n < 30; ++n) reals.push_back(scalar::of_real(real, n * 0.25 - 1));
  std::vector<scalar> mostly_null(1100, scalar::of_null(small));
  mostly_null[5] = mostly_null[1000] = scalar::of_integer(small, 7);
  std::vector<golden_block> made;
  made.push_back(golden("raw_text", word, texts, codec_id::raw));
  made.push_back(golden("raw_float64", real, reals, codec_id::raw));
  made.push_back(golden("constant_int32", small, mostly_null, codec_id::constant));
  made.push_back(
      golden("frame_of_reference_decimal", price,
             every_seventh_null(price, 1050, [&](int n) { return scalar::of_integer(price, n % 50 * 37 - 400); }),
             codec_id::frame_of_reference));
  made.push_back(golden("dictionary_text", word, texts, codec_id::dictionary));
  made.push_back(
      golden("dictionary_int32", small,
             every_seventh_null(small, 100, [&](int n) { return scalar::of_integer(small, n % 3 * 1000000); }),
             codec_id::dictionary));
  std::vector<scalar> longer;
  for (int copy = 0; copy < 20; ++copy) longer.insert(longer.end(), texts.begin(), texts.end());
  made.push_back(golden("zstd_raw_text", word, longer, codec_id::raw, pillar::transform_choice::zstd));
  made.push_back(golden("lz4_raw_text", word, texts, codec_id::raw, pillar::transform_choice::lz4));
  const auto add = [&](const char* name, codec_id codec, auto&& value) {
    const auto large = pillar::type_of<std::int64_t>.as_nullable();
    made.push_back(golden(name, large,
                          every_seventh_null(large, 1100, [&](int n) { return scalar::of_integer(large, value(n)); }),
                          codec));
    made.back().since = 2;
  };
  add("sequence_int64", codec_id::sequence, [](int n) { return n < 1024 ? 5000 - 3 * n : 7 * n; });
  add("patched_int64", codec_id::patched, [](int n) {
    return n % 40 == 1 ? -1 : n % 90 == 2 ? 1 << 30 : 4000 + n % 50;
  });
  add("delta_int64", codec_id::delta, [](int n) { return 1000000 + 60 * n + n % 5; });
  // Values whose children have one sensible form: no codec to come makes them smaller.
  const auto flag = pillar::type_of<bool>.as_nullable();
  const auto wide = pillar::decimal_type(38, 2);
  pillar::splitmix64 random(2026);
  std::vector<scalar> flags =
      every_seventh_null(flag, 1024, [&](int n) { return scalar::of_integer(flag, n % 3 == 0); });
  for (int n = 0; n < 100; ++n) flags.push_back(scalar::of_integer(flag, n == 50));
  std::vector<scalar> prices, readings, wides;
  for (int n = 0; n < 1024; ++n) {
    prices.push_back(scalar::of_real(real, static_cast<double>(random.below(4001)) / 100));
    readings.push_back(scalar::of_real(real, 20 + static_cast<double>(random.below(1 << 30)) * 0x1p-30));
    wides.push_back(scalar::of_integer(wide, (pillar::int128{5} << 64) + static_cast<int>(random.below(4001))));
  }
  prices[3] = scalar::of_real(real, -0.0);
  prices[1000] = scalar::of_real(real, 1e300);
  made.push_back(golden("bitmap", flag, flags, codec_id::bitmap));
  made.push_back(golden("decimal_double", real, prices, codec_id::decimal_double));
  made.push_back(golden("real_double", real, readings, codec_id::real_double));
  made.push_back(golden("split_int128", wide, wides, codec_id::split_int128));
  const auto large = pillar::type_of<std::int64_t>.as_nullable();
  std::vector<scalar> runs;
  while (runs.size() < 2000) {
    const auto value = static_cast<std::int64_t>(random.below(1000));
    const auto end = runs.size() + 1 + random.below(32);
    while (runs.size() < end)
      runs.push_back(runs.size() % 90 == 7 ? scalar::of_null(large) : scalar::of_integer(large, value));
  }
  made.push_back(golden("run_end_int64", large, runs, codec_id::run_end));
  std::vector<scalar> sentences = every_seventh_null(word, 1100, [&](int n) {
    static constexpr const char* words[] = {"carefully", "final", "requests", "sleep", "against", "the", "ironic"};
    std::string text;
    for (int k = n % 4; k >= 0; --k) text += std::string(words[random.below(7)]) + (k == 0 ? "." : " ");
    return scalar::of_text(word, text);
  });
  made.push_back(golden("text_symbols", word, sentences, codec_id::text_symbols));
  made.back().same_bytes = false;
  for (std::size_t i = made.size() - 6; i < made.size(); ++i) made[i].since = 2;
  return made;
}

}  // namespace pillar_test
