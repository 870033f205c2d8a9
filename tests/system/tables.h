/* SPDX-License-Identifier: MIT */
/* The operations of every protocol, for programs that try them all. Each list ends with NULL. */
#pragma once

#include <proto/blk.h>
#include <proto/console.h>
#include <proto/dev.h>
#include <proto/eth.h>
#include <proto/fs.h>
#include <proto/gpio.h>
#include <proto/mm.h>
#include <proto/net.h>
#include <proto/proc.h>

#define TABLE(name, OPS) static const struct proto_operation *const name[] = {OPS(PROTO_LISTED) NULL};
TABLE(blk, BLK_OPS)
TABLE(console, CONSOLE_OPS)
TABLE(dev, DEV_OPS)
TABLE(eth, ETH_OPS)
TABLE(fs, FS_OPS)
TABLE(gpio, GPIO_OPS)
TABLE(mm, MM_OPS)
TABLE(net, NET_OPS)
TABLE(proc, PROC_OPS)
