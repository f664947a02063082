// SPDX-License-Identifier: Apache-2.0
/// For those who write parts of their own: the laws of codecs, domains, zone statistics, partitioners, executors and
/// aggregates as functions that return a report, and the tools to break things with. Links pillar::conformance.
#pragma once
#include "pillar/conformance/aggregate.hpp"
#include "pillar/conformance/block_source.hpp"
#include "pillar/conformance/codec.hpp"
#include "pillar/conformance/delayed_reads.hpp"
#include "pillar/conformance/domain.hpp"
#include "pillar/conformance/executor.hpp"
#include "pillar/conformance/faults.hpp"
#include "pillar/conformance/guard_buffer.hpp"
#include "pillar/conformance/partitioner.hpp"
#include "pillar/conformance/recorder.hpp"
#include "pillar/conformance/report.hpp"
#include "pillar/conformance/run_store.hpp"
#include "pillar/conformance/sample.hpp"
#include "pillar/conformance/zone.hpp"
