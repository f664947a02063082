// SPDX-License-Identifier: Apache-2.0
/// For those who exchange columns with Arrow's world in one process: in and out by the C data interface. Streams, and
/// tables as streams, are in interop/arrow_stream.hpp.
#pragma once
#include "pillar/interop/arrow_abi.hpp"
#include "pillar/interop/arrow_export.hpp"
#include "pillar/interop/arrow_format.hpp"
#include "pillar/interop/arrow_import.hpp"
