"""Memory that a decoding process shares with its parent, to avoid copies of samples.

The parent creates blocks and sends their file descriptors along with its requests. Each
block is used again as soon as no array lies in it, because new memory costs more time
than decoding. A block has no name, so nothing stays behind if a process is killed. It
is sealed: a malicious file that controls the decoding process cannot shrink it, which
would end the parent. Only Linux has such blocks. On other systems, samples go through a
pipe.
"""

import mmap
import os
import socket
import weakref

import numpy as np

IS_SUPPORTED = hasattr(os, "memfd_create") and hasattr(socket, "send_fds")
SAMPLE = np.dtype("<f4")
USUAL = 2**22  # samples of a block; only a longer recording gets a larger one
ALIGNMENT = 16  # samples; the array of each file begins at a multiple


class Block:
    """Block of shared memory.

    Args:
        samples: that fit into it

    Raises:
        OSError: if the system has no memory for it
    """

    def __init__(self, samples: int):
        import fcntl

        self.samples, size = samples, samples * SAMPLE.itemsize
        flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
        self.descriptor = os.memfd_create("samples", flags)
        try:
            os.ftruncate(self.descriptor, size)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, seals)
            self.array = np.frombuffer(mmap.mmap(self.descriptor, size), SAMPLE)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file descriptor; the memory remains as long as it is mapped."""
        os.close(self.descriptor)


class Lease:
    """Use of a block, which ends when no array refers to it; see `Blocks.lease`."""

    def __init__(self, block: Block):
        # NumPy reads this, and keeps the object as the base of all views.
        self.__array_interface__ = block.array.__array_interface__


class Blocks:
    """Blocks that are shared with one decoding process, and used again and again."""

    def __init__(self) -> None:
        self._free: list[Block] = []
        self._is_closed = False

    def lease(self, samples: int) -> tuple[int, np.ndarray]:
        """Return the descriptor of a free block, and its array of float32.

        The block is not used for anything else until the array and its views are gone.

        Args:
            samples: that it must have room for

        Raises:
            OSError: if the system has no memory for a new block
        """
        try:
            block = self._free.pop() if samples <= USUAL else Block(samples)
        except IndexError:
            block = Block(USUAL)
        lease = Lease(block)
        weakref.finalize(lease, self._end, block).atexit = False
        return block.descriptor, np.asarray(lease)

    def _end(self, block: Block) -> None:
        if block.samples == USUAL and not self._is_closed:
            self._free.append(block)
        else:
            block.close()

    def close(self) -> None:
        """Release all blocks, as soon as no array lies in them."""
        self._is_closed = True
        while self._free:
            self._free.pop().close()


class AttachedBlocks:
    """Blocks of the parent in the memory of a decoding process."""

    def __init__(self) -> None:
        self._usual: dict[int, np.ndarray] = {}  # by inode

    def attach(self, descriptor: int) -> np.ndarray:
        """Return the array of a block, (samples,) float32.

        Args:
            descriptor: of the block, which is closed here
        """
        try:
            inode = os.fstat(descriptor).st_ino
            if inode in self._usual:
                return self._usual[inode]
            array = np.frombuffer(mmap.mmap(descriptor, 0), SAMPLE)
        finally:
            os.close(descriptor)
        if len(array) == USUAL:
            self._usual[inode] = array
        return array

    @property
    def size(self) -> int:
        """Return the bytes of all blocks that stay in memory."""
        return len(self._usual) * USUAL * SAMPLE.itemsize


def aligned(samples: int) -> int:
    """Return the number of samples rounded up to a multiple of `ALIGNMENT`.

    Examples:
        >>> aligned(1), aligned(32)
        (16, 32)
    """
    return -(-samples // ALIGNMENT) * ALIGNMENT
