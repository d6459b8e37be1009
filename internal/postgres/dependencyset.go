package postgres

type setCodec struct{}

func newSetCodec() *setCodec { return &setCodec{} }
