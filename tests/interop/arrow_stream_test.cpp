// SPDX-License-Identifier: Apache-2.0
#include "pillar/interop/arrow_stream.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "support/arrow_parts.hpp"
#include "support/column_sets.hpp"

namespace pillar_test::interop_arrow_stream {
namespace {
using pillar::arrow_owner;
using pillar::column_set;
using pillar::dynamic_schema;
using pillar::export_arrow_stream;
using pillar::import_arrow;
using pillar::scalar;
using pillar::type_of;

TEST(interop_arrow_stream, column_sets_come_back) {
  pillar::splitmix64 random(31);
  const dynamic_schema schema = schema_of_all();
  for (const std::size_t batches : {0u, 1u, 4u}) {
    std::vector<column_set> sets;
    for (std::size_t i = 0; i < batches; ++i) sets.push_back(rows_of(random, schema, i == 1 ? 0 : 30 + i));
    arrow_owner<ArrowArrayStream> stream;
    ASSERT_TRUE(export_arrow_stream(sets, schema, stream.get()).ok());
    auto reader = pillar::arrow_stream_reader::open(stream.get());
    ASSERT_TRUE(reader.ok()) << reader.status().message();
    EXPECT_FALSE(stream);
    EXPECT_EQ(reader->schema(), schema);
    std::vector<column_set> back;
    for (;;) {
      auto next = reader->next();
      ASSERT_TRUE(next.ok()) << next.status().message();
      if (!next->has_value()) break;
      back.push_back(**next);
    }
    EXPECT_FALSE(reader->next()->has_value()) << "the end stays";
    EXPECT_EQ(back.size(), batches);
    EXPECT_EQ(lines(back), lines(sets));
  }
  arrow_owner<ArrowArrayStream> stream;
  std::vector<column_set> sets = {rows_of(random, schema, 1)};
  EXPECT_FALSE(export_arrow_stream(sets, {}, stream.get()).ok());
  EXPECT_FALSE(stream);
}

TEST(interop_arrow_stream, columns_stay_encoded_where_all_batches_agree) {
  pillar::splitmix64 random(33);
  const auto type = type_of<pillar::nullable<pillar::text>>;
  arrow_ledger ledger;
  {
    std::vector<column_set> sets;
    for (int i = 0; i < 2; ++i) {
      const auto cells = random_cells(random, type, 40, 5);
      std::vector<arrow_part> columns = {
          arrow_dictionary("i", "u", cells, random),
          i == 0 ? arrow_runs("i", "vu", cells, random) : arrow_flat("vu", cells, random)};
      columns[0].name = "a";
      columns[1].name = "b";
      arrow_owner<ArrowArray> array;
      arrow_owner<ArrowSchema> schema;
      produce(arrow_struct(columns, 40), ledger, array.get());
      produce(arrow_struct(columns, 40), ledger, schema.get());
      auto made = import_arrow(array.get(), *schema.get());
      ASSERT_TRUE(made.ok()) << made.status().message();
      sets.push_back(*std::move(made));
    }
    const auto expected = lines(sets);
    arrow_owner<ArrowArrayStream> stream;
    const dynamic_schema both = sets[0].schema;
    ASSERT_TRUE(export_arrow_stream(std::move(sets), both, stream.get()).ok());
    arrow_owner<ArrowSchema> schema;
    ASSERT_EQ(stream->get_schema(stream.get(), schema.get()), 0);
    EXPECT_STREQ(schema->children[0]->format, "i");
    EXPECT_STREQ(schema->children[0]->dictionary->format, "vu");
    EXPECT_STREQ(schema->children[1]->format, "vu");
    const auto back = pillar::read_arrow_stream(stream.get());
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(lines(*back), expected);
  }
  EXPECT_EQ(ledger.live, 0);
}

/// A stream of two batches whose second answer is an error.
struct failing {
  arrow_ledger* ledger;
  arrow_part part;
  int error = EIO;
  int asked = 0;
  const char* said = "the disk is gone";
};
void fail_after_one(failing& state, ArrowArrayStream* out) {
  out->private_data = &state;
  out->get_schema = [](ArrowArrayStream* stream, ArrowSchema* schema) {
    auto& of = *static_cast<failing*>(stream->private_data);
    if (of.asked < 0) return of.error;
    produce(of.part, *of.ledger, schema);
    return 0;
  };
  out->get_next = [](ArrowArrayStream* stream, ArrowArray* array) {
    auto& of = *static_cast<failing*>(stream->private_data);
    if (of.asked++ > 0) return of.error;
    produce(of.part, *of.ledger, array);
    return 0;
  };
  out->get_last_error = [](ArrowArrayStream* stream) { return static_cast<failing*>(stream->private_data)->said; };
  out->release = [](ArrowArrayStream* stream) {
    --static_cast<failing*>(stream->private_data)->ledger->live;
    stream->release = nullptr;
  };
  ++state.ledger->live;
}

TEST(interop_arrow_stream, errors_of_streams_arrive_with_their_sentence) {
  pillar::splitmix64 random(34);
  arrow_ledger ledger;
  const auto type = type_of<std::int64_t>;
  arrow_part part = arrow_struct({arrow_flat("l", {scalar::of_integer(type, 1)}, random)}, 1);
  part.children[0].name = "a";
  part.children[0].nullable = false;
  for (const auto& [error, code] :
       {std::pair{EIO, absl::StatusCode::kUnavailable}, std::pair{EINVAL, absl::StatusCode::kInvalidArgument},
        std::pair{ENOMEM, absl::StatusCode::kResourceExhausted}}) {
    failing state{&ledger, part, error};
    ArrowArrayStream stream;
    fail_after_one(state, &stream);
    const auto read = pillar::read_arrow_stream(&stream);
    EXPECT_EQ(read.status().code(), code);
    EXPECT_EQ(read.status().message(), "the stream failed: the disk is gone");
    EXPECT_EQ(ledger.live, 0);

    failing again{&ledger, part, error, 0, nullptr};
    fail_after_one(again, &stream);
    EXPECT_EQ(pillar::read_arrow_stream(&stream).status().message(),
              "the stream failed with error " + std::to_string(error));

    failing at_once{&ledger, part, error, -1};
    fail_after_one(at_once, &stream);
    EXPECT_FALSE(pillar::read_arrow_stream(&stream).ok());
    EXPECT_EQ(ledger.live, 0);
  }
  ArrowArrayStream released{};
  EXPECT_EQ(pillar::read_arrow_stream(&released).status().message(), "the stream was released");
}

TEST(interop_arrow_stream, errors_of_ours_leave_as_errno_with_their_sentence) {
  const dynamic_schema schema = {{{"paid", type_of<bool>}}};
  pillar::splitmix64 random(35);
  pillar::arrow_export_options options;
  options.refuse_copies = true;
  arrow_owner<ArrowArrayStream> stream;
  ASSERT_TRUE(export_arrow_stream({rows_of(random, schema, 5)}, schema, stream.get(), options).ok());
  arrow_owner<ArrowArray> array;
  EXPECT_EQ(stream->get_next(stream.get(), array.get()), EINVAL);
  EXPECT_FALSE(array);
  EXPECT_STREQ(stream->get_last_error(stream.get()),
               "column 'paid': it would have to be copied: booleans are bytes here and bits there");
  pillar::memory_budget budget(10);
  options.refuse_copies = false;
  options.budget = &budget;
  stream.reset();
  ASSERT_TRUE(export_arrow_stream({rows_of(random, schema, 500)}, schema, stream.get(), options).ok());
  EXPECT_EQ(stream->get_next(stream.get(), array.get()), ENOMEM);
  stream.reset();
  const auto source = [] { return absl::StatusOr<std::optional<column_set>>(absl::UnavailableError("not now")); };
  ASSERT_TRUE(export_arrow_stream(source, schema, stream.get()).ok());
  EXPECT_EQ(stream->get_next(stream.get(), array.get()), EIO);
  EXPECT_STREQ(stream->get_last_error(stream.get()), "not now");
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::interop_arrow_stream
