/* SPDX-License-Identifier: MIT */
/* The keys of a terminal from the bytes that it sends. */
#include "keys.h"

#define ESCAPE 0x1b
#define BELL   0x07

/* Sequences are made of ASCII; a control character or anything else ends one that is not complete. */
static int leave(struct key_decoder *keys, int key)
{
    keys->state = KEYS_GROUND;
    return key;
}

static int enter(struct key_decoder *keys, int state)
{
    *keys = (struct key_decoder){.state = state};
    return KEY_NONE;
}

static int after_escape(struct key_decoder *keys, uint8_t byte)
{
    switch (byte) {
    case '[': return enter(keys, KEYS_CSI);
    case 'O': return enter(keys, KEYS_SS3);
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_': return enter(keys, KEYS_STRING);
    case 'b': return leave(keys, KEY_WORD_LEFT);
    case 'f': return leave(keys, KEY_WORD_RIGHT);
    case 'd': return leave(keys, KEY_DELETE_WORD);
    case '\b':
    case 0x7f: return leave(keys, KEY_ERASE_WORD);
    }
    if (byte >= 0x20 && byte < 0x30)
        return enter(keys, KEYS_INTERMEDIATE);
    return leave(keys, byte >= 0x20 && byte < 0x80 ? KEY_NONE : byte);
}

/* `modified`: with shift, alt or ctrl held. */
static int cursor_key(uint8_t final, int modified)
{
    switch (final) {
    case 'A': return KEY_UP;
    case 'B': return KEY_DOWN;
    case 'C': return modified ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D': return modified ? KEY_WORD_LEFT : KEY_LEFT;
    case 'F': return KEY_END;
    case 'H': return KEY_HOME;
    case 'c': return KEY_WORD_RIGHT;
    case 'd': return KEY_WORD_LEFT;
    }
    return KEY_NONE;
}

static int numbered_key(unsigned number)
{
    switch (number) {
    case 1:
    case 7: return KEY_HOME;
    case 3: return KEY_DELETE;
    case 4:
    case 8: return KEY_END;
    }
    return KEY_NONE;
}

static int csi_final(const struct key_decoder *keys, uint8_t final)
{
    if (keys->odd || keys->parameters > 1)
        return KEY_NONE;
    if (final == '~')
        return numbered_key(keys->parameter[0]);
    /* ESC [ 1 ; 5 C, and ESC [ 5 C of older terminals. */
    return cursor_key(final, keys->parameter[1] > 1 || keys->parameter[0] > 1);
}

static int in_csi(struct key_decoder *keys, uint8_t byte)
{
    unsigned *parameter = &keys->parameter[keys->parameters & 1];

    if (byte == '[' && keys->parameters == 0 && *parameter == 0)
        return enter(keys, KEYS_ONE_MORE);
    if (byte >= '0' && byte <= '9')
        *parameter = *parameter < 1000 ? *parameter * 10 + (byte - '0') : 9999;
    else if (byte == ';')
        keys->parameters += keys->parameters < 2;
    else if (byte < 0x40)
        keys->odd = 1;
    else
        return leave(keys, csi_final(keys, byte));
    return KEY_NONE;
}

static int in_string(struct key_decoder *keys, uint8_t byte)
{
    if (keys->state == KEYS_STRING_ESCAPE)
        return byte == '\\' ? leave(keys, KEY_NONE) : after_escape(keys, byte);
    if (byte == ESCAPE) {
        keys->state = KEYS_STRING_ESCAPE;
        return KEY_NONE;
    }
    if (byte < 0x20)
        return leave(keys, byte == BELL ? KEY_NONE : byte);
    return KEY_NONE;
}

int key_feed(struct key_decoder *keys, uint8_t byte)
{
    if (keys->state == KEYS_STRING || keys->state == KEYS_STRING_ESCAPE)
        return in_string(keys, byte);
    if (byte == ESCAPE)
        return enter(keys, KEYS_ESCAPE);
    if (keys->state == KEYS_GROUND || (keys->state != KEYS_ESCAPE && (byte < 0x20 || byte >= 0x7f)))
        return leave(keys, byte);
    switch (keys->state) {
    case KEYS_ESCAPE: return after_escape(keys, byte);
    case KEYS_CSI: return in_csi(keys, byte);
    case KEYS_SS3: return leave(keys, cursor_key(byte, 0));
    case KEYS_INTERMEDIATE: return byte < 0x30 ? KEY_NONE : leave(keys, KEY_NONE);
    default: return leave(keys, KEY_NONE);
    }
}
