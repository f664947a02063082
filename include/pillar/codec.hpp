// SPDX-License-Identifier: Apache-2.0
/// For those who encode single columns, or write a codec: the concept with its laws, the codecs, the packed layout's
/// kernels. Blocks (pillar/storage.hpp) choose among them and add directory, validity and checksum.
#pragma once
#include "pillar/codec/bitmap.hpp"
#include "pillar/codec/byte_transform.hpp"
#include "pillar/codec/checksum.hpp"
#include "pillar/codec/codec.hpp"
#include "pillar/codec/codec_set.hpp"
#include "pillar/codec/constant.hpp"
#include "pillar/codec/decimal_double.hpp"
#include "pillar/codec/delta.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/frame_of_reference.hpp"
#include "pillar/codec/match_scratch.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/codec/patched.hpp"
#include "pillar/codec/raw.hpp"
#include "pillar/codec/real_double.hpp"
#include "pillar/codec/redshift.hpp"
#include "pillar/codec/run_end.hpp"
#include "pillar/codec/sequence.hpp"
#include "pillar/codec/split_int128.hpp"
#include "pillar/codec/text_symbols.hpp"
