// SPDX-License-Identifier: Apache-2.0
/// For those who hold data in Pillar's form, or hand it theirs: types and schemas, vectors as views of anybody's
/// memory, owned columns and their builders, selections, batches. Enough for a filter or a codec on one's own arrays.
#pragma once
#include "pillar/column/batch.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/column.hpp"
#include "pillar/column/column_set.hpp"
#include "pillar/column/encoded.hpp"
#include "pillar/column/format.hpp"
#include "pillar/column/parse.hpp"
#include "pillar/column/run_store.hpp"
#include "pillar/column/scalar.hpp"
#include "pillar/column/schema.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/shared_run_store.hpp"
#include "pillar/column/text.hpp"
#include "pillar/column/types.hpp"
#include "pillar/column/vector.hpp"
