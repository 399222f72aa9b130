package embedded

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// syncEvery leaves half of Fast's second to the sync itself.
const syncEvery = 500 * time.Millisecond

// syncPatterns are the files that say which streams and consumers there are, and those of the servers' election. In Fast the
// server syncs messages every second and these never: after a power cut that comes before the system has written them, which
// may be half a minute, a stream without a whole meta.sum is put aside with all its messages.
var syncPatterns = []string{
	"jetstream/*/streams/*/meta.*",
	"jetstream/*/streams/*/obs/*/meta.*",
	"jetstream/*/_js_/*/meta.*",
	"jetstream/*/_js_/*/peers.idx",
	"jetstream/*/_js_/*/tav.idx",
}

// A metaSync syncs those files when they have changed.
type metaSync struct {
	dir    string
	quit   chan struct{}
	work   sync.WaitGroup
	synced map[string]fs.FileInfo // by path in dir; only the goroutine's
}

func startMetaSync(dir string) *metaSync {
	m := &metaSync{dir: dir, quit: make(chan struct{}), synced: make(map[string]fs.FileInfo)}
	m.work.Go(m.run)
	return m
}

// stop ends the goroutine. It is called once.
func (m *metaSync) stop() {
	close(m.quit)
	m.work.Wait()
}

func (m *metaSync) run() {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-m.quit:
			return
		case <-tick.C:
			m.look()
		}
	}
}

func (m *metaSync) look() {
	store := os.DirFS(m.dir)
	synced := make(map[string]fs.FileInfo, len(m.synced))
	for _, pattern := range syncPatterns {
		files, _ := fs.Glob(store, pattern) // a directory that cannot be read is the server's to report
		for _, name := range files {
			info, err := fs.Stat(store, name)
			if err != nil {
				continue // it was removed meanwhile
			}
			was := m.synced[name]
			if was == nil || !was.ModTime().Equal(info.ModTime()) || was.Size() != info.Size() || !os.SameFile(was, info) {
				err = m.sync(name)
			}
			switch {
			case err == nil:
				synced[name] = info
			case !errors.Is(err, fs.ErrNotExist):
				slog.Default().Warn("potok/embedded: a file of the store cannot be synced", "file", name, "error", err)
			}
		}
	}
	m.synced = synced
}

// sync syncs a file, and that it is in its directory.
func (m *metaSync) sync(name string) error {
	path := filepath.Join(m.dir, filepath.FromSlash(name))
	f, err := os.OpenFile(path, os.O_RDWR, 0) // Windows syncs nothing that is open for reading only
	if err != nil {
		return err
	}
	err = errors.Join(f.Sync(), f.Close())
	if err != nil {
		return err
	}
	for range 4 { // new are the consumer's or the stream's, and perhaps those above it
		path = filepath.Dir(path)
		if d, err := os.Open(path); err == nil {
			_ = d.Sync() // not every system can
			d.Close()
		}
	}
	return nil
}
