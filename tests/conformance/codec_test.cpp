// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/codec.hpp"

#include <gtest/gtest.h>

#include "pillar/codec/constant.hpp"
#include "pillar/codec/delta.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/frame_of_reference.hpp"
#include "pillar/codec/patched.hpp"
#include "pillar/codec/raw.hpp"
#include "pillar/codec/run_end.hpp"
#include "pillar/codec/sequence.hpp"
#include "pillar/codec/text_symbols.hpp"
#include "support/run_length_codec.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::conformance_codec {
namespace {

using pillar::conformance::check_codec;

TEST(conformance_codec, pillars_codecs_conform) {
  struct candidate {
    pillar::conformance::report (*check)(const pillar::conformance::settings&);
    bool answers;
    bool always;  // under sanitizers too, which take several times as long
  };
  for (const candidate& of : {candidate{check_codec<pillar::raw_codec>, false, false},
                              candidate{check_codec<pillar::constant_codec>, true, false},
                              candidate{check_codec<pillar::frame_of_reference_codec>, true, false},
                              candidate{check_codec<pillar::dictionary_codec>, true, true},
                              candidate{check_codec<pillar::patched_codec>, true, false},
                              candidate{check_codec<pillar::text_symbols_codec>, false, true},
                              candidate{check_codec<pillar::delta_codec>, true, false},
                              candidate{check_codec<pillar::run_end_codec>, true, false}}) {
    if (sanitized && !of.always) continue;
    const auto found = of.check({});
    EXPECT_TRUE(found.ok()) << found;
    EXPECT_GT(found.count("all NULL"), 0u) << found;
    EXPECT_GT(found.count("one row"), 0u);
    EXPECT_GT(found.count("odd tails"), 0u);
    EXPECT_GT(found.count("altered blocks that open"), 0u);
    if (!of.answers) continue;
    const auto verdicts = found.count("verdict none") + found.count("verdict all") + found.count("verdict some");
    EXPECT_GE(found.count("verdict none") * 10, verdicts) << found;
    EXPECT_GE(found.count("verdict all") * 10, verdicts) << found;
  }
}

TEST(conformance_codec, sequences_conform) {  // of which the samples hold few
  const auto found = check_codec<pillar::sequence_codec>();
  EXPECT_TRUE(found.ok()) << found;
  EXPECT_GT(found.find("match agrees with the values")->cases, 100u);
}

TEST(conformance_codec, a_users_codec_conforms) {
  const auto found = check_codec<run_length<>>();
  EXPECT_TRUE(found.ok()) << found;
  EXPECT_GT(found.find("match agrees with the values")->cases, 100u);
  EXPECT_EQ(found.find("sum agrees with the values")->cases, 0u);
}

/// The law is broken, with a sentence, and the case comes again first when its seed is given.
void expect_caught(const pillar::codec_functions& liar, const char* law) {
  const auto found = check_codec(liar);
  ASSERT_FALSE(found.ok());
  const auto* broken = found.find(law);
  ASSERT_NE(broken, nullptr);
  EXPECT_FALSE(broken->holds) << found;
  EXPECT_FALSE(broken->counterexample.empty());
  const auto again = check_codec(liar, {.seed = broken->seed});
  EXPECT_EQ(again.find(law)->seed, broken->seed) << again;
  EXPECT_EQ(again.find(law)->counterexample, broken->counterexample);
}

TEST(conformance_codec, liars_are_reported) {
  if (sanitized) GTEST_SKIP() << "what is reported is the same without sanitizers";
  using pillar::codec_functions_of;
  expect_caught(codec_functions_of<run_length<lie::match_off_by_one>>, "match agrees with the values");
  expect_caught(codec_functions_of<run_length<lie::match_beyond_the_rows>>,
                "match leaves bits beyond the last row zero");
  expect_caught(codec_functions_of<run_length<lie::announces_too_little>>,
                "analyze announces the bytes that encode writes");
  expect_caught(codec_functions_of<run_length<lie::decodes_one_too_far>>, "decode gives back what was encoded");
  expect_caught(codec_functions_of<run_length<lie::trusts_counts>>,
                "bytes that change after validation never lead outside the block");
}

TEST(conformance_codec, ids_of_pillars_are_refused) {
  pillar::codec_functions named = pillar::codec_functions_of<run_length<>>;
  named.id = pillar::codec_id{77};
  EXPECT_FALSE(check_codec(named).find("its id is its own: 128 or more, or Pillar's")->holds);
}

}  // namespace
}  // namespace pillar_test::conformance_codec
